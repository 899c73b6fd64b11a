"""The room that a run will need on the disk, known before its first step."""

from torch import nn

from videomae2.config import DistillRun, FinetuneRun, Run
from videomae2.engine.checkpoints import CheckpointManager
from videomae2.engine.loop import LoopConfig
from videomae2.jobs.validation import BEST_MODEL_FOLDER
from videomae2.models.saved import STUDENTS_FOLDER


def estimate_checkpoint_bytes(run: Run, model: nn.Module, loop_config: LoopConfig, checkpoints: CheckpointManager) -> int:
    """Room for all that is still to come: checkpoints, one of them half-written, and best models.

    Args:
        run: Says which stay.
        model: What is saved, on any device.
        loop_config: Says how many steps there are.
        checkpoints: Those that are there.
    """
    parameters = sum(p.numel() for p in model.parameters())
    copies = 3 + (run.optim.ema_decay is not None)  # weights and two moments, and the mean
    saves = [*range(run.checkpoint.interval, loop_config.steps, run.checkpoint.interval), loop_config.steps]
    newest = saves[-run.checkpoint.keep_latest_k - 1 :]  # one too many, until the last is written
    keep_interval = run.checkpoint.keep_interval
    kept = {step for step in saves if keep_interval is not None and step % keep_interval == 0}.union(newest)
    num_checkpoints = max(1, len(kept) - len(checkpoints.list_steps()))
    return 4 * parameters * (copies * num_checkpoints + _count_model_copies(run))


def _count_model_copies(run: Run) -> int:
    """Copies of the weights beside the checkpoints that are still to come.

    They are the best by validation and, for a moment, the one before it; or, where nothing is held
    out, the students of the last step.
    """
    if not isinstance(run, FinetuneRun | DistillRun):
        return 0
    folder_name = STUDENTS_FOLDER if isinstance(run, DistillRun) else BEST_MODEL_FOLDER
    exists = (run.checkpoint.output_dir / folder_name).exists()
    if run.validation.path is not None or run.validation.share:
        return 1 if exists else 2
    return 1 if folder_name == STUDENTS_FOLDER and not exists else 0
