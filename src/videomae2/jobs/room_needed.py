"""The room that a run will need on the disk, known before its first step."""

from torch import nn

from videomae2.config import DistillRun, FinetuneRun, Run
from videomae2.engine.checkpoints import Checkpoints
from videomae2.engine.loop import Plan
from videomae2.jobs.validation import BEST
from videomae2.models.saved import STUDENTS


def bytes_needed(run: Run, model: nn.Module, plan: Plan, checkpoints: Checkpoints) -> int:
    """Room for all that is still to come: checkpoints, one of them half-written, and best models.

    Args:
        run: Says which stay.
        model: What is saved, on any device.
        plan: Says how many steps there are.
        checkpoints: Those that are there.
    """
    parameters = sum(p.numel() for p in model.parameters())
    copies = 3 + (run.optim.ema_decay is not None)  # weights and two moments, and the mean
    saves = [*range(run.record.save_every, plan.steps, run.record.save_every), plan.steps]
    newest = saves[-run.record.keep - 1 :]  # one too many, until the last is written
    every = run.record.keep_every
    kept = {step for step in saves if every is not None and step % every == 0}.union(newest)
    to_come = max(1, len(kept) - len(checkpoints.steps()))
    return 4 * parameters * (copies * to_come + _kept_beside(run))


def _kept_beside(run: Run) -> int:
    """Copies of the weights beside the checkpoints that are still to come.

    They are the best by validation and, for a moment, the one before it; or, where nothing is held
    out, the students of the last step.
    """
    if not isinstance(run, FinetuneRun | DistillRun):
        return 0
    place = STUDENTS if isinstance(run, DistillRun) else BEST
    there = (run.record.out / place).exists()
    if run.validation.path is not None or run.validation.share:
        return 1 if there else 2
    return 1 if place == STUDENTS and not there else 0
