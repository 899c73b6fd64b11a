"""The windows that detection code expects of its features, and what its configuration says of them.

Facts: extract_tad_feature.py of the released code; ActionFormer's and OpenTAD's configurations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from videomae2.base.files import atomic_write_text

PresetName = Literal[
    "actionformer-thumos14", "actionformer-fineaction", "opentad-thumos14", "opentad-fineaction"
]
_FIXED_LENGTH = 192  # to which the code itself resizes the features of FineAction
_FINEACTION_FPS = 15  # cancels out where the stride is -1


@dataclass(frozen=True, slots=True)
class Preset:
    """What a data set's features are like."""

    code: Literal["actionformer", "opentad"]
    stride: int
    is_resized: bool
    """The code brings the features of every video to one length."""

    @property
    def windows(self) -> dict[str, Any]:
        """Settings of the windows, by name."""
        return {"frames": 16, "frame_interval": 1, "stride": self.stride, "short": "skip"}

    def write_config(self, folder: Path, dim: int, missing: Sequence[str]) -> list[Path]:
        """Write what the code's configuration says of a folder, and which videos are not there."""
        names = "".join(f"{name}\n" for name in missing)
        written = [atomic_write_text(folder / "missing_files.txt", names)]
        build = self._format_actionformer if self.code == "actionformer" else self._format_opentad
        name = "actionformer.yaml" if self.code == "actionformer" else "opentad.py"
        return [*written, atomic_write_text(folder / name, build(folder.absolute(), dim))]

    def _format_actionformer(self, folder: Path, dim: int) -> str:
        lines = [
            "# for the dataset of a configuration of ActionFormer",
            "dataset: {",
            f"  feat_folder: {str(folder)!r},",
            "  file_prefix: ~,",
            "  file_ext: .npy,",
            f"  input_dim: {dim},",
            f"  feat_stride: {-1 if self.is_resized else self.stride},",
            "  num_frames: 16,",
        ]
        if self.is_resized:
            lines += [
                f"  default_fps: {_FINEACTION_FPS},",
                f"  max_seq_len: {_FIXED_LENGTH},",
                "  force_upsampling: True,",
            ]
        return "\n".join([*lines, "}"]) + "\n"

    def _format_opentad(self, folder: Path, dim: int) -> str:
        lines = [
            "# for the dataset of a configuration of OpenTAD, and in_channels of its projection",
            f"data_path = {f'{folder}/'!r}",
            'block_list = data_path + "missing_files.txt"',
            f"in_channels = {dim}",
        ]
        if self.is_resized:
            lines.append(f"resize_length = {_FIXED_LENGTH}")
        else:
            lines += [f"feature_stride = {self.stride}", "sample_stride = 1", "offset_frames = 8"]
        return "\n".join(lines) + "\n"


PRESETS: dict[PresetName, Preset] = {
    "actionformer-thumos14": Preset("actionformer", 4, is_resized=False),
    "actionformer-fineaction": Preset("actionformer", 16, is_resized=True),
    "opentad-thumos14": Preset("opentad", 4, is_resized=False),
    "opentad-fineaction": Preset("opentad", 16, is_resized=True),
}
