"""``videomae2 pretrain``: dual-masked pre-training."""

from videomae2.cli import run_options
from videomae2.commands.train.pretrain import dry_run, pretrain
from videomae2.config.runs import PretrainRun
from videomae2.recipes.table import RECIPES

TRAIN_COMMAND = run_options.TrainCommand(
    name="pretrain",
    run_type=PretrainRun,
    recipes=RECIPES,
    train=pretrain,
    dry_run=dry_run,
    file_description="Pre-train as a file of settings says.",
    examples=(
        "videomae2 pretrain own my_videos/",
        "videomae2 pretrain own my_videos/ --optim.epochs 100 --dry-run",
    ),
)


def main(arguments: list[str]) -> int:
    """Run ``videomae2 pretrain`` with these arguments."""
    return run_options.main(TRAIN_COMMAND, arguments)
