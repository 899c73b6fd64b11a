"""``videomae2 pretrain``: dual-masked pre-training."""

from videomae2.cli import launch
from videomae2.config import PretrainRun
from videomae2.jobs.pretrain import pretrain, dry_run
from videomae2.recipes import RECIPES

TRAIN_COMMAND = launch.TrainCommand(
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
    return launch.main(TRAIN_COMMAND, arguments)
