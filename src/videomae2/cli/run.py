"""``videomae2 run``: stages that follow from one another, as one file says."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from videomae2.cli.example_pipeline import EXAMPLE_PIPELINE
from videomae2.cli.options import parse_options
from videomae2.cli.progress import make_logger
from videomae2.errors import ConfigError
from videomae2.jobs.pipeline.checking import plan_stages
from videomae2.jobs.pipeline.distilling import build_distill_stage
from videomae2.jobs.pipeline.evaluating import build_evaluate_stage
from videomae2.jobs.pipeline.kinds import build_finetune_stage, build_pretrain_stage
from videomae2.jobs.pipeline.resolving import load_pipeline
from videomae2.jobs.pipeline.running import StageRange, plan_pipeline, run_pipeline
from videomae2.jobs.pipeline.telling import plan_to_json, format_plan, results_to_json, format_results
from videomae2.recipes import DISTILL_RECIPES, FINETUNE_RECIPES, RECIPES

PROG = "videomae2 run"

STAGE_TYPES = {
    "pretrain": build_pretrain_stage(RECIPES),
    "finetune": build_finetune_stage(FINETUNE_RECIPES),
    "distill": build_distill_stage(DISTILL_RECIPES),
    "evaluate": build_evaluate_stage(),
}
"""All kinds of stages; a line of it is all that adding one takes here."""

_DESCRIPTION = """\
Run a pipeline: stages such as pre-training, post-pre-training, fine-tuning, distillation and
evaluation, each starting from what others gave, as one YAML file says. Everything is checked
before the first stage starts.

The same command goes on where it was stopped. A finished stage is skipped while its settings, its
lists of videos and the weights it started from are the same; otherwise it is done again in a fresh
folder, and what was there is moved to STAGE.old-1, -2, ..."""


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
    log = make_logger(json=options.json)

    started = time.perf_counter()
    pipeline = load_pipeline(file, STAGE_TYPES, out=options.out)
    stage_range, stage_plans = StageRange(options.from_, options.until), plan_stages(pipeline, placeholder=file)
    stage_range.select_names(pipeline)
    if options.dry_run:
        actions = plan_pipeline(pipeline, stage_plans, stage_range=stage_range)
        plan_values = plan_to_json(pipeline, actions)
        print(json.dumps(plan_values) if options.json else format_plan(pipeline, stage_plans, actions))
        return 0
    results = run_pipeline(pipeline, stage_plans, stage_range=stage_range, log=log)
    seconds = time.perf_counter() - started
    log(f"\n{format_results(results, seconds)}")
    if options.json:
        print(json.dumps(results_to_json(pipeline, results, seconds)))
    return 0
