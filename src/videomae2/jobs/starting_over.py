"""A run folder without a checkpoint: nothing there goes on, so another run may begin in it."""

from collections.abc import Sequence
from pathlib import Path

from videomae2.config import Run
from videomae2.config.differences import RESUME_SAFE_FIELDS
from videomae2.data.quarantine import FILE_NAME as UNREADABLE_FILE
from videomae2.engine.runlog import TENSORBOARD_FOLDER, METRICS_FILE
from videomae2.errors import ConfigError
from videomae2.jobs.labelled_videos import VAL_FOLDER
from videomae2.jobs.run_folder import RUN_FILE, VIDEOS_FILE, check_resume_compatible
from videomae2.jobs.validation import BEST_MODEL_FOLDER
from videomae2.jobs.video_lists import VideoList
from videomae2.jobs.whole_files import build_temporary_paths, recover_dir
from videomae2.models.saved import STUDENTS_FOLDER

_RUN_FILES = (
    *(METRICS_FILE, UNREADABLE_FILE, TENSORBOARD_FOLDER, VAL_FOLDER, BEST_MODEL_FOLDER, STUDENTS_FOLDER),
    *(path.name for path in build_temporary_paths(Path(BEST_MODEL_FOLDER))),  # the best of a run that was killed as it changed
    *(RUN_FILE, VIDEOS_FILE),  # last: while they are there, a kill in between changes nothing
)


def is_different_run(
    run: Run, lists: Sequence[VideoList], ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS
) -> bool:
    """Whether the run that is in the folder differs, or cannot be understood."""
    try:
        check_resume_compatible(run, lists, ignored_fields)
    except ConfigError:
        return True
    return False


def archive_run(folder: Path) -> Path:
    """Move what a run has written into a folder of its own, and give that."""
    number = 1
    while (archive := folder / f"earlier-{number}").exists():
        number += 1
    archive.mkdir()
    recover_dir(folder / BEST_MODEL_FOLDER)
    for name in _RUN_FILES:
        if (folder / name).exists():
            (folder / name).rename(archive / name)
    return archive
