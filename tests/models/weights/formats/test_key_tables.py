"""All names and shapes of the released sizes, on the meta device, in every direction."""

import pytest
import torch

from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import SavedAutoencoderConfig, SavedClassifierConfig
from videomae2.models.weights.containers.source import Source
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.formats.read import FORMATS, find_format
from videomae2.models.weights.formats.write import build_foreign
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

STATISTICS = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
ENTRIES = {
    "small": (162, 218), "base": (162, 218), "large": (318, 374), "huge": (422, 478),
    "giant": (526, 582),
}  # fmt: skip
"""Of a classifier and of pre-training, as released."""


def build(size, kind):
    encoder = EncoderConfig(size=size)
    with torch.device("meta"):
        if kind == "pre-training":
            config = AutoencoderConfig(encoder=encoder)
            return Autoencoder(config).state_dict(), SavedAutoencoderConfig(
                model=config, **STATISTICS
            )
        pool, outputs = {"classifier": ("avg", 710), "backbone": ("token", 0)}[kind]
        model = ClassifierConfig(encoder=encoder, num_classes=outputs, global_pool=pool)
        return Classifier(model).state_dict(), SavedClassifierConfig(model=model, **STATISTICS)


@pytest.mark.parametrize("kind", ["classifier", "backbone", "pre-training"])
@pytest.mark.parametrize(
    "size",
    [n if n == "base" else pytest.param(n, marks=pytest.mark.slow) for n in ENTRIES],
)
def test_every_name_translates_there_and_back(tmp_path, size, kind):
    state, config = build(size, kind)
    for name in FORMATS:
        if name == "ava" and kind == "classifier":
            continue  # it wants a norm of every token
        files = build_foreign(state, config, name)
        source = Source(
            path=tmp_path,
            files=[tmp_path / "x"],
            tensors=files.tensors,
            config=files.json_files.get("config.json", {}),
        )
        # without its head, a backbone of AVA has released names
        assert find_format(source) is FORMATS["official" if name == "ava" else name]
        back = find_format(source).to_ours(source, ModelHints())
        dropped = kind == "pre-training" and name not in ("official", "transformers")
        expected = {n: v for n, v in state.items() if not dropped or n.startswith("encoder.")}
        assert {n: v.shape for n, v in back.state.items()} == {
            n: v.shape for n, v in expected.items()
        }
        assert back.config.model.encoder.shape == config.model.encoder.shape
        assert set(back.report.used) == set(files.tensors)
        if name == "official":
            assert len(files.tensors) == ENTRIES[size][kind == "pre-training"] or kind == "backbone"
