"""``videomae2 pretrain``: dual-masked pre-training."""

from videomae2.cli import launch
from videomae2.config import PretrainRun
from videomae2.jobs.pretrain import pretrain, rehearse
from videomae2.recipes import RECIPES

TRAINER = launch.Trainer(
    name="pretrain",
    kind=PretrainRun,
    recipes=RECIPES,
    train=pretrain,
    describe=rehearse,
    without_recipe="Pre-train as a file of settings says.",
    examples=(
        "videomae2 pretrain own my_videos/",
        "videomae2 pretrain own my_videos/ --optim.epochs 100 --dry-run",
    ),
)


def main(arguments: list[str]) -> int:
    """Run ``videomae2 pretrain`` with these arguments."""
    return launch.main(TRAINER, arguments)
