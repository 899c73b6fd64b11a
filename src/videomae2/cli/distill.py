"""``videomae2 distill``: small classifiers that learn from a large one."""

from videomae2.cli import run_options
from videomae2.commands.train.distill import distill, dry_run
from videomae2.config.runs import DistillRun
from videomae2.recipes.table import DISTILL_RECIPES

TRAIN_COMMAND = run_options.TrainCommand(
    name="distill",
    run_type=DistillRun,
    recipes=DISTILL_RECIPES,
    train=distill,
    dry_run=dry_run,
    file_description="Distill as a file of settings says.",
    examples=(
        "videomae2 distill own my_videos/ --teacher.weights runs/own-finetune",
        "videomae2 distill own-cpu my_videos/ --teacher.weights runs/own-cpu-finetune --dry-run",
    ),
)


def main(arguments: list[str]) -> int:
    """Run ``videomae2 distill`` with these arguments."""
    return run_options.main(TRAIN_COMMAND, arguments)
