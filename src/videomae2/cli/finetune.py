"""``videomae2 finetune``: supervised training, from a pre-trained model or from scratch."""

from videomae2.cli import run_options
from videomae2.commands.train.finetune import dry_run, finetune
from videomae2.config.runs import FinetuneRun
from videomae2.recipes.table import FINETUNE_RECIPES

TRAIN_COMMAND = run_options.TrainCommand(
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
    return run_options.main(TRAIN_COMMAND, arguments)
