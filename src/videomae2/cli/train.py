"""``videomae2 pretrain``, ``finetune`` and ``distill``: what each of them trains with.

A command imports what it needs when it runs, so that no help waits for another's.
"""

from videomae2.cli import run_options
from videomae2.cli.run_options import TrainCommand
from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun
from videomae2.recipes.table import DISTILL_RECIPES, FINETUNE_RECIPES, RECIPES


def pretrain_main(arguments: list[str]) -> int:
    """Run ``videomae2 pretrain``, dual-masked pre-training, with these arguments."""
    return run_options.main(build_pretrain_command(), arguments)


def finetune_main(arguments: list[str]) -> int:
    """Run ``videomae2 finetune``, from a pre-trained model or from scratch, likewise."""
    return run_options.main(build_finetune_command(), arguments)


def distill_main(arguments: list[str]) -> int:
    """Run ``videomae2 distill``, a small classifier that learns from a large one, likewise."""
    return run_options.main(build_distill_command(), arguments)


def build_pretrain_command() -> TrainCommand[PretrainRun]:
    """What ``videomae2 pretrain`` is."""
    from videomae2.commands.train.pretrain import dry_run, pretrain

    return TrainCommand(
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


def build_finetune_command() -> TrainCommand[FinetuneRun]:
    """What ``videomae2 finetune`` is."""
    from videomae2.commands.train.finetune import dry_run, finetune

    return TrainCommand(
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


def build_distill_command() -> TrainCommand[DistillRun]:
    """What ``videomae2 distill`` is."""
    from videomae2.commands.train.distill import distill, dry_run

    return TrainCommand(
        name="distill",
        run_type=DistillRun,
        recipes=DISTILL_RECIPES,
        train=distill,
        dry_run=dry_run,
        file_description="Distill as a file of settings says.",
        examples=(
            "videomae2 distill own my_videos/ --teacher.weights runs/own-finetune",
            "videomae2 distill own-cpu my_videos/ --teacher.weights runs/own-cpu-finetune "
            "--dry-run",
        ),
    )
