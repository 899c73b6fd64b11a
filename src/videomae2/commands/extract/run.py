"""Extract what a plan says, and write the files beside the features."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from videomae2.commands.extract.config import FileFormat
from videomae2.commands.extract.one_file import check_format, write_one_file
from videomae2.commands.extract.plan import FEATURES, ExtractPlan
from videomae2.commands.extract.presets import PRESETS
from videomae2.inference.features.extract import Extraction, ExtractStats
from videomae2.inference.features.store import FeatureStore
from videomae2.inference.features.writing import WritableStore


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractResult:
    """What an extraction has come to."""

    folder: Path
    num_videos: int
    """Whose features are there."""
    unreadable: dict[str, str]
    """Why others have none, by path."""
    stats: ExtractStats
    """Of this process."""
    files: tuple[Path, ...]
    """That were written beside the features."""

    def to_json(self) -> dict[str, Any]:
        """All of it, for ``--json``."""
        return {
            "features": str(self.folder),
            "videos": self.num_videos,
            "unreadable": self.unreadable,
            "stats": asdict(self.stats),
            "files": [str(path) for path in self.files],
        }


def run_extract(plan: ExtractPlan, file_format: FileFormat | None = None) -> ExtractResult:
    """Extract the features of all videos that have none, and write one file of all if asked.

    Raises:
        ConfigError: The folder cannot be written, or a library for the file is missing.
        Interrupted: When asked to stop; what is extracted is kept.
    """
    if file_format is not None:
        check_format(file_format)
    kind = plan.kind
    shape = kind.compute_shape(plan.encoder.frozen)
    with WritableStore(plan.out, plan.list_settings(), constants=plan.list_constants()) as store:
        extraction = Extraction(
            stores={FEATURES: store},
            specs={FEATURES: (shape, kind.dtype)},
            reader=plan.make_reader(),
            encode=plan.encoder,
            batch_size=plan.config.batch_size,
            name="",
        )
        reasons = extraction.run(plan.videos)
    return ExtractResult(
        folder=plan.out,
        num_videos=len({video.name for video in plan.videos}) - len(reasons),
        unreadable={v.entry.path: reasons[v.name] for v in plan.videos if v.name in reasons},
        stats=extraction.stats,
        files=tuple(_write_files(plan, store, sorted(reasons), file_format)),
    )


def _write_files(
    plan: ExtractPlan, store: FeatureStore, missing: list[str], file_format: FileFormat | None
) -> list[Path]:
    files: list[Path] = []
    if plan.config.preset is not None:
        dim = plan.encoder.frozen.encoder.config.shape.embed_dim
        files += PRESETS[plan.config.preset].write_config(plan.out, dim, missing)
    if file_format is not None:
        names = dict.fromkeys(video.name for video in plan.videos if video.name in store.rows)
        files.append(write_one_file(store, list(names), file_format))
    return files
