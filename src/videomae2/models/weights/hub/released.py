"""Every released checkpoint of VideoMAE and VideoMAE V2, a row of one table each.

Numbers and licences are those that their sources state, none is measured here; what two sources
say differently stands there twice.

Source: docs/MODEL_ZOO.md of OpenGVLab/VideoMAEv2, MODEL_ZOO.md of MCG-NJU/VideoMAE, the README of
    OpenGVLab/InternVideo, and pages of the Hugging Face hub.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, get_args

ReleasedTask = Literal["pretraining", "classification", "features", "detection"]
ReleasedSize = Literal["small", "base", "large", "huge", "giant"]
RELEASED_TASKS: tuple[ReleasedTask, ...] = get_args(ReleasedTask)
RELEASED_SIZES: tuple[ReleasedSize, ...] = get_args(ReleasedSize)

NON_COMMERCIAL = "cc-by-nc-4.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasedModel:
    """A checkpoint, as its source describes it."""

    name: str
    """By which every command knows it."""
    task: ReleasedTask
    size: ReleasedSize
    data: str
    """What it was trained on, the last stage first."""
    protocol: str = ""
    """Frames x clips x crops of a video, of the published accuracy."""
    accuracy: str = ""
    """Top-1 / top-5 in percent, as published."""
    clips: str = "16x224x224"
    code_licence: str = "mit"
    weights_licences: Mapping[str, str] = field(default_factory=dict)
    """By who states it; empty if nobody does."""
    repo: str | None = None
    """Of the Hugging Face hub; None if it is not there."""
    file: str | None = None
    """Of that repository; None for all of it."""
    megabytes: float | None = None
    """As the hub shows it."""
    remark: str = ""

    @property
    def location(self) -> str:
        """Where it is, as every command takes it, or in words."""
        if self.repo is None:
            return "not on the hub"
        return f"hf://{self.repo}" + (f"/{self.file}" if self.file else "")

    @property
    def weights_licence(self) -> str | None:
        """The strictest that anybody states; None if nobody does."""
        stated = list(self.weights_licences.values())
        return NON_COMMERCIAL if NON_COMMERCIAL in stated else next(iter(stated), None)

    def to_dict(self) -> dict[str, object]:
        """All of it, for ``--json``."""
        return {**asdict(self), "location": self.location}


_VIDEOMAE2 = "OpenGVLab/VideoMAE2"
_V2_LICENCES = {
    f"the tag of {_VIDEOMAE2}": "apache-2.0",
    "the model cards of OpenGVLab/VideoMAEv2-*": NON_COMMERCIAL,
}
_V2 = ReleasedModel(
    name="", task="classification", size="giant", data="", weights_licences=_V2_LICENCES
)
_GIANT = "vit_g_hybrid_pt_1200e"
_UNHOSTED = (
    "in the zoo's table, not in the repository any more (issues 25, 67 and 74 of VideoMAEv2)"
)
_UNVERIFIED = "nobody says what is in it"
_HEAD_SLICED = "top-1 of the same head by its rows: K400 {}, K600 {}; further fine-tuned {}"

_V2_ZOO = (
    replace(
        _V2, name=_GIANT, task="pretraining", data="UnlabeledHybrid", repo=_VIDEOMAE2,
        file=f"mae-g/{_GIANT}.pth", megabytes=4110, remark="encoder and decoder",
    ),
    replace(
        _V2, name=f"{_GIANT}_k710_ft", data="K710, UnlabeledHybrid", protocol="16x5x3",
        accuracy="83.8 / 96.4", repo=_VIDEOMAE2, file=f"mae-g/{_GIANT}_k710_ft.pth",
        megabytes=2030, remark="fp16",
    ),
    replace(
        _V2, name=f"{_GIANT}_ssv2_ft", data="SSv2, UnlabeledHybrid", protocol="16x2x3",
        accuracy="77.0 / 95.9", repo=_VIDEOMAE2, file=f"mae-g/{_GIANT}_ssv2_ft.pth",
        megabytes=2020, remark="fp16",
    ),
    replace(
        _V2, name=f"{_GIANT}_k400_ft", data="K400, UnlabeledHybrid", protocol="16x5x3",
        accuracy="87.2 / 97.4", remark=_UNHOSTED,
    ),
    replace(
        _V2, name=f"{_GIANT}_k710_it_k400_ft", data="K400, K710, UnlabeledHybrid",
        protocol="16x5x3", accuracy="88.4 / 98.0", remark=f"88.5 / 98.1 in the paper; {_UNHOSTED}",
    ),
    replace(
        _V2, name=f"{_GIANT}_k710_it_k600_ft", data="K600, K710, UnlabeledHybrid",
        protocol="16x5x3", accuracy="88.8 / 98.2", remark=_UNHOSTED,
    ),
    replace(
        _V2, name=f"{_GIANT}_k710_it_ucf101_ft", data="UCF101, K710, UnlabeledHybrid",
        protocol="16x5x3", accuracy="99.6 / 100.0", remark=_UNHOSTED,
    ),
    replace(
        _V2, name=f"{_GIANT}_k710_it_hmdb51_ft", data="HMDB51, K710, UnlabeledHybrid",
        protocol="16x5x3", accuracy="88.1 / 98.5", remark=_UNHOSTED,
    ),
    replace(
        _V2, name="vit_s_k710_dl_from_giant", size="small", data="K710, by distillation",
        protocol="16x5x3", accuracy="77.6", repo=_VIDEOMAE2,
        file="distill/vit_s_k710_dl_from_giant.pth", megabytes=44.3,
        remark=f"fp16; {_HEAD_SLICED.format('83.7', '83.1', '84.0, 84.6 (16x7x3)')}",
    ),
    replace(
        _V2, name="vit_b_k710_dl_from_giant", size="base", data="K710, by distillation",
        protocol="16x5x3", accuracy="81.5", repo=_VIDEOMAE2,
        file="distill/vit_b_k710_dl_from_giant.pth", megabytes=174,
        remark=f"fp16; {_HEAD_SLICED.format('86.6', '85.9', '87.1, 87.4 (16x7x3)')}",
    ),
    replace(
        _V2, name="vit_g_ps14_ak_ft_ckpt_7_clean", task="detection", data="AVA-Kinetics",
        accuracy="mAP 43.9", repo=_VIDEOMAE2, file="mae-g/vit_g_ps14_ak_ft_ckpt_7_clean.pth",
        megabytes=2020, remark="fp16; its accuracy is the paper's",
    ),
    replace(
        _V2, name="mae-h", task="pretraining", size="huge", data="", repo=_VIDEOMAE2,
        file="mae-h/pytorch_model.bin", megabytes=5050, remark=_UNVERIFIED,
    ),
    replace(
        _V2, name="mae-l", task="pretraining", size="large", data="", repo=_VIDEOMAE2,
        file="mae-l/pytorch_model.bin", megabytes=2430, remark=_UNVERIFIED,
    ),
)  # fmt: skip

_V2_HUB_ROWS: tuple[tuple[str, ReleasedSize, str, float | None, str], ...] = (
    (
        "Base",
        "base",
        "self-supervised by its card",
        345,
        "has a trained norm at its end, so it was trained with labels, perhaps by distillation",
    ),
    ("Large", "large", "self-supervised by its card", 1220, ""),
    ("Huge", "huge", "self-supervised by its card", None, ""),
    ("giant", "giant", "self-supervised by its card", None, ""),
)
_V2_HUB = tuple(
    replace(
        _V2, name=f"VideoMAEv2-{name}", task="features", size=size, data=data,
        weights_licences={"its model card": NON_COMMERCIAL}, repo=f"OpenGVLab/VideoMAEv2-{name}",
        megabytes=megabytes, remark=remark,
    )
    for name, size, data, megabytes, remark in _V2_HUB_ROWS
)  # fmt: skip

_V1 = replace(
    _V2, code_licence=NON_COMMERCIAL, weights_licences={"the repository's licence": NON_COMMERCIAL}
)
_V1_BY_HAND = "linked from MODEL_ZOO.md of MCG-NJU/VideoMAE, to be fetched by hand"
_V1_ZOO_ROWS: tuple[tuple[str, ReleasedSize, str, str, str], ...] = (
    ("s-k400", "small", "K400", "16x5x3", "79.0 / 93.8"),
    ("b-800e-k400", "base", "K400, 800 epochs", "16x5x3", "81.0 / 94.8"),
    ("b-k400", "base", "K400, 1600 epochs", "16x5x3", "81.5 / 95.1"),
    ("l-k400", "large", "K400", "16x5x3", "85.2 / 96.8"),
    ("h-k400", "huge", "K400", "16x5x3", "86.6 / 97.1"),
    ("s-ssv2", "small", "SSv2", "16x2x3", "66.8 / 90.3"),
    ("b-800e-ssv2", "base", "SSv2, 800 epochs", "16x2x3", "69.6 / 92.0"),
    ("b-ssv2", "base", "SSv2, 2400 epochs", "16x2x3", "70.8 / 92.4"),
    ("b-ucf101", "base", "UCF101", "", "91.3 / 98.5"),
)
_V1_ZOO = tuple(
    replace(
        _V1, name=f"videomae-v1-{name}", size=size, data=data, protocol=protocol,
        accuracy=accuracy, remark=_V1_BY_HAND,
    )
    for name, size, data, protocol, accuracy in _V1_ZOO_ROWS
)  # fmt: skip

_V1_HUB_ROWS: tuple[tuple[str, ReleasedTask, ReleasedSize, str, str], ...] = (
    ("videomae-base", "pretraining", "base", "K400, 1600 epochs", ""),
    ("videomae-large", "pretraining", "large", "K400, 1600 epochs", ""),
    ("videomae-base-ssv2", "pretraining", "base", "SSv2, 2400 epochs", ""),
    ("videomae-base-short-ssv2", "pretraining", "base", "SSv2, 800 epochs", ""),
    ("videomae-base-finetuned-kinetics", "classification", "base", "K400", "80.9 / 94.7"),
    ("videomae-base-short-finetuned-kinetics", "classification", "base", "K400", ""),
    ("videomae-large-finetuned-kinetics", "classification", "large", "K400", ""),
)
_V1_HUB = tuple(
    replace(
        _V1, name=name, task=task, size=size, data=data, accuracy=accuracy,
        weights_licences={"its model card": NON_COMMERCIAL}, repo=f"MCG-NJU/{name}",
        remark="VideoMAE V1 in the format of transformers",
    )
    for name, task, size, data, accuracy in _V1_HUB_ROWS
)  # fmt: skip

_INTERNVIDEO = replace(_V2, code_licence="apache-2.0", weights_licences={})
_INTERNVIDEO_ROWS: tuple[tuple[str, ReleasedTask, ReleasedSize, str, str], ...] = (
    ("vit_b_hybrid_pt_800e", "pretraining", "base", "UnlabeledHybrid", ""),
    ("vit_b_hybrid_pt_800e_k400_ft", "classification", "base", "K400", "81.52 / 94.88"),
    ("vit_b_hybrid_pt_800e_k710_ft", "classification", "base", "K710", "79.33 / 94.03"),
    ("vit_b_hybrid_pt_800e_ssv2_ft", "classification", "base", "SSv2", "71.22 / 93.31"),
    ("vit_l_hybrid_pt_800e_k400_ft", "classification", "large", "K400", ""),
    ("vit_l_hybrid_pt_800e_k700_ft", "classification", "large", "K700", ""),
    ("vit_l_hybrid_pt_800e_ssv2_ft", "classification", "large", "SSv2", ""),
)
_INTERNVIDEO_ZOO = tuple(
    replace(
        _INTERNVIDEO, name=name, task=task, size=size, data=data, accuracy=accuracy,
        repo="OpenGVLab/InternVideoMAE_models", file=f"{name}.pth",
        remark="InternVideo: as VideoMAE V1 on UnlabeledHybrid, without dual masking",
    )
    for name, task, size, data, accuracy in _INTERNVIDEO_ROWS
)  # fmt: skip

RELEASED: dict[str, ReleasedModel] = {
    row.name: row for row in (*_V2_ZOO, *_V2_HUB, *_V1_ZOO, *_V1_HUB, *_INTERNVIDEO_ZOO)
}
"""By name."""


def find_released_file(file_name: str) -> ReleasedModel | None:
    """The checkpoint whose file is called so; names that many files have say nothing."""
    stem = file_name.rpartition(".")[0]
    row = RELEASED.get(stem)
    is_repository = row is not None and row.repo is not None and row.file is None
    return None if is_repository else row


def select_released(
    task: ReleasedTask | None = None, size: ReleasedSize | None = None
) -> list[ReleasedModel]:
    """The rows of a task and a size, in the order of the table."""
    return [
        row for row in RELEASED.values() if task in (None, row.task) and size in (None, row.size)
    ]
