"""``videomae2 distill``: small classifiers that learn from a large one."""

from videomae2.cli import launch
from videomae2.config import DistillRun
from videomae2.jobs.distill import distill, rehearse
from videomae2.recipes import DISTILL_RECIPES

TRAINER = launch.Trainer(
    name="distill",
    kind=DistillRun,
    recipes=DISTILL_RECIPES,
    train=distill,
    describe=rehearse,
    without_recipe="Distill as a file of settings says.",
    examples=(
        "videomae2 distill own my_videos/ --teacher.weights runs/own-finetune",
        "videomae2 distill own-cpu my_videos/ --teacher.weights runs/own-cpu-finetune --dry-run",
    ),
)


def main(arguments: list[str]) -> int:
    """Run ``videomae2 distill`` with these arguments."""
    return launch.main(TRAINER, arguments)
