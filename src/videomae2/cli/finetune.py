"""``videomae2 finetune``: supervised training, from a pre-trained model or from scratch."""

from videomae2.cli import launch
from videomae2.config import FinetuneRun
from videomae2.jobs.finetune import finetune, dry_run
from videomae2.recipes import FINETUNE_RECIPES

TRAIN_COMMAND = launch.TrainCommand(
    name="finetune",
    run_type=FinetuneRun,
    recipes=FINETUNE_RECIPES,
    train=finetune,
    dry_run=dry_run,
    file_description="Fine-tune as a file of settings says.",
    examples=(
        "videomae2 finetune own my_videos/ --init.weights runs/own",
        "videomae2 finetune own-cpu my_videos/ --dry-run",
    ),
)


def main(arguments: list[str]) -> int:
    """Run ``videomae2 finetune`` with these arguments."""
    return launch.main(TRAIN_COMMAND, arguments)
