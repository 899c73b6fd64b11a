"""What a training command would do in its run folder, found out without touching that."""

from collections.abc import Sequence

from torch import nn

from videomae2.config import Run
from videomae2.data.manifest import Manifest
from videomae2.engine.room import check_would_be_writable
from videomae2.engine.runtime import resolve
from videomae2.engine.signals import end_if_asked
from videomae2.jobs.room_needed import bytes_needed
from videomae2.jobs.run_folder import RUN_FILE, check_same_run
from videomae2.jobs.starting_over import is_another_run
from videomae2.jobs.training import checkpoints_of, fitted, make_plan, with_precision
from videomae2.jobs.video_lists import VideoList, late_files


def foresee(
    run: Run, manifests: Sequence[Manifest], lists: Sequence[VideoList], model: nn.Module
) -> str:
    """Say in a line where a run would begin or go on; before it, of which files nothing is known.

    Args:
        run: As asked for.
        manifests: The videos of its sources.
        lists: What these lists say, and those that are held out.
        model: On any device, for the room that checkpoints need.

    Raises:
        ConfigError: If the folder holds another run that could go on.
        CheckpointError: If it cannot be written, or has too little room.
        Interrupted: Somebody has asked to stop.
    """
    end_if_asked()
    run = fitted(with_precision(run, resolve(run.runtime)), manifests)
    plan, folder = make_plan(run, manifests), run.record.out
    checkpoints = checkpoints_of(run)
    newest, late = checkpoints.newest(), late_files(lists)
    if newest is not None:
        check_same_run(run, lists)
    check_would_be_writable(folder, bytes_needed(run, model, plan, checkpoints))
    if newest is not None:
        would = f"resume   would go on at step {newest[0]} of {plan.steps} from {newest[1]}"
        return "\n".join([*late, would])
    aside = "; what another run without a checkpoint left there would be set aside"
    there = (folder / RUN_FILE).exists() and is_another_run(run, lists)
    return "\n".join([*late, f"begin    would begin at the first step{aside if there else ''}"])
