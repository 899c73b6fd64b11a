"""What a training command would do in its run folder, found out without touching that."""

from collections.abc import Sequence

from torch import nn

from videomae2.config import Run
from videomae2.data.manifest import Manifest
from videomae2.engine.room import check_writable_dry_run
from videomae2.engine.runtime import resolve_runtime
from videomae2.engine.signals import raise_if_stopped
from videomae2.jobs.room_needed import estimate_checkpoint_bytes
from videomae2.jobs.run_folder import RUN_FILE, check_resume_compatible
from videomae2.jobs.starting_over import is_different_run
from videomae2.jobs.training import build_checkpoint_manager, resolve_batch_size, build_loop_config, resolve_precision
from videomae2.jobs.video_lists import VideoList, list_unresponsive_files


def preview_start(
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
    raise_if_stopped()
    run = resolve_batch_size(resolve_precision(run, resolve_runtime(run.runtime)), manifests)
    loop_config, folder = build_loop_config(run, manifests), run.checkpoint.output_dir
    checkpoints = build_checkpoint_manager(run)
    latest, unresponsive = checkpoints.find_latest(), list_unresponsive_files(lists)
    if latest is not None:
        check_resume_compatible(run, lists)
    check_writable_dry_run(folder, estimate_checkpoint_bytes(run, model, loop_config, checkpoints))
    if latest is not None:
        resume_line = f"resume   would go on at step {latest[0]} of {loop_config.steps} from {latest[1]}"
        return "\n".join([*unresponsive, resume_line])
    archive_hint = "; what another run without a checkpoint left there would be set aside"
    would_archive = (folder / RUN_FILE).exists() and is_different_run(run, lists)
    return "\n".join([*unresponsive, f"start    would start at the first step{archive_hint if would_archive else ''}"])
