"""A run folder without a checkpoint: nothing there goes on, so another run may begin in it."""

from collections.abc import Sequence
from pathlib import Path

from videomae2.config import Run
from videomae2.config.differences import SAME_RESULTS
from videomae2.data.quarantine import FILE_NAME as UNREADABLE_FILE
from videomae2.engine.runlog import BOARD_FOLDER, METRICS_FILE
from videomae2.errors import ConfigError
from videomae2.jobs.labelled_videos import HELD_OUT
from videomae2.jobs.run_folder import RUN_FILE, VIDEOS_FILE, check_same_run
from videomae2.jobs.validation import BEST
from videomae2.jobs.video_lists import VideoList
from videomae2.jobs.whole_files import beside, settle
from videomae2.models.saved import STUDENTS

_OF_A_RUN = (
    *(METRICS_FILE, UNREADABLE_FILE, BOARD_FOLDER, HELD_OUT, BEST, STUDENTS),
    *(path.name for path in beside(Path(BEST))),  # the best of a run that was killed as it changed
    *(RUN_FILE, VIDEOS_FILE),  # last: while they are there, a kill in between changes nothing
)


def is_another_run(
    run: Run, lists: Sequence[VideoList], compared: frozenset[str] = SAME_RESULTS
) -> bool:
    """Whether the run that is in the folder differs, or cannot be understood."""
    try:
        check_same_run(run, lists, compared)
    except ConfigError:
        return True
    return False


def set_aside(folder: Path) -> Path:
    """Move what a run has written into a folder of its own, and give that."""
    number = 1
    while (aside := folder / f"earlier-{number}").exists():
        number += 1
    aside.mkdir()
    settle(folder / BEST)
    for name in _OF_A_RUN:
        if (folder / name).exists():
            (folder / name).rename(aside / name)
    return aside
