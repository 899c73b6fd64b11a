"""``videomae2 run``: stages that follow from one another, as one file says."""

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from videomae2.cli.options import parse_options
from videomae2.commands.pipeline.stages import Recipes
from videomae2.errors import ConfigError
from videomae2.recipes.table import DISTILL_RECIPES, FINETUNE_RECIPES, RECIPES

_logger = logging.getLogger(__name__)

EXAMPLE_PIPELINE = """\
# A pipeline: stages that follow from one another. Check it with
#     videomae2 run pipeline.yaml --dry-run
# and run it without --dry-run. The same command goes on where it was stopped.

name: example
out: runs/example           # each stage has a folder of its name in it

shared:                     # what several stages say, by YAML anchors of your own names
  run: &run
    seed: 0
    runtime: {device: auto}

stages:
  pretrained:               # a name of your own
    kind: pretrain
    recipe: own-cpu         # videomae2 pretrain lists them; own is for one GPU
    videos: my_videos/      # a folder or a list, or several: [videos/, more.csv]
    settings:               # what to change of the recipe, as in a file for --config
      <<: *run
      optim: {steps: 5000, warmup_steps: 250}

  tuned:
    kind: finetune          # post-pre-training is a stage of this kind, too
    recipe: own-cpu         # videomae2 finetune lists them
    videos: labelled_videos/    # one folder for each class, or a list with labels
    from: pretrained        # starts from its weights
    settings: *run

  small:
    kind: distill
    recipe: own-cpu
    videos: labelled_videos/
    from: tuned             # its teacher; {teacher: tuned, student: other} names both
    settings: *run

  judged:
    kind: evaluate          # many views of each video, and a report
    videos: test_videos/
    from: small             # the model
"""


PROG = "videomae2 run"


RUN_RECIPES: Recipes = {
    "pretrain": RECIPES,
    "finetune": FINETUNE_RECIPES,
    "distill": DISTILL_RECIPES,
}
"""Of the kinds of stages that have any."""


_DESCRIPTION = """\
Run a pipeline: stages such as pre-training, post-pre-training, fine-tuning, distillation and
evaluation, each starting from what others gave, as one YAML file says. Everything is checked
before the first stage starts.

The same command goes on where it was stopped. A finished stage is taken as it is while its
settings, its lists of videos and the weights it started from are the same; otherwise it is done
again in a fresh folder, and what was there is moved to STAGE.bak-1, -2, ..."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineOptions:
    """All arguments."""

    file: Annotated[Positional[Path | None], arg(metavar="FILE")] = None
    """The YAML file of the pipeline."""
    out: Path | None = None
    """Folder for all stages; the file's own if not given, or runs/NAME."""
    from_: Annotated[str | None, arg(name="from", metavar="STAGE")] = None
    """Leave out the stages before this one; those that it needs must be finished."""
    until: Annotated[str | None, arg(metavar="STAGE")] = None
    """Leave out the stages after this one."""
    dry_run: bool = False
    """Check everything and show what would be done about each stage, and why."""
    json: bool = False
    """Print the results (or the plan) as JSON; progress goes to stderr."""
    example: bool = False
    """Print a small file to start from."""


def main(arguments: list[str]) -> int:
    """Run ``videomae2 run`` with these arguments."""
    options = parse_options(
        PipelineOptions,
        arguments,
        prog=PROG,
        description=_DESCRIPTION,
        examples=(
            f"{PROG} --example > pipeline.yaml",
            f"{PROG} pipeline.yaml --dry-run",
            f"{PROG} pipeline.yaml",
            f"{PROG} pipeline.yaml --from tuned --json",
        ),
    )
    if options.example:
        print(EXAMPLE_PIPELINE, end="")
        return 0
    if options.file is None:
        raise ConfigError(f"no file is named; {PROG} --example prints one to start from")
    return _run_file(options, options.file)


def _run_file(options: PipelineOptions, file: Path) -> int:
    # not for --help: every kind of stage stands behind it
    from videomae2.commands.pipeline.load import load_pipeline
    from videomae2.commands.pipeline.plan import format_plan, plan_to_json
    from videomae2.commands.pipeline.run import (
        format_results,
        plan_pipeline,
        results_to_json,
        run_pipeline,
    )

    started = time.perf_counter()
    pipeline = load_pipeline(file, RUN_RECIPES, out=options.out)
    if options.dry_run:
        actions = plan_pipeline(pipeline, first=options.from_, last=options.until)
        print(
            json.dumps(plan_to_json(pipeline, actions))
            if options.json
            else format_plan(pipeline, actions)
        )
        return 0
    results = run_pipeline(pipeline, first=options.from_, last=options.until)
    seconds = time.perf_counter() - started
    _logger.info(f"\n{format_results(results, seconds)}")
    if options.json:
        print(json.dumps(results_to_json(pipeline, results, seconds)))
    return 0
