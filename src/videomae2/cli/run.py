"""``videomae2 run``: stages that follow from one another, as one file says."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from videomae2.cli.example_pipeline import EXAMPLE
from videomae2.cli.options import parse
from videomae2.cli.progress import saying
from videomae2.errors import ConfigError
from videomae2.jobs.pipeline.checking import look_at
from videomae2.jobs.pipeline.distilling import distill_stage
from videomae2.jobs.pipeline.evaluating import evaluate_stage
from videomae2.jobs.pipeline.kinds import finetune_stage, pretrain_stage
from videomae2.jobs.pipeline.resolving import resolve
from videomae2.jobs.pipeline.running import Span, plan, run_pipeline
from videomae2.jobs.pipeline.telling import plan_json, plan_text, results_json, results_text
from videomae2.recipes import DISTILL_RECIPES, FINETUNE_RECIPES, RECIPES

PROG = "videomae2 run"

KINDS = {
    "pretrain": pretrain_stage(RECIPES),
    "finetune": finetune_stage(FINETUNE_RECIPES),
    "distill": distill_stage(DISTILL_RECIPES),
    "evaluate": evaluate_stage(),
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
class Options:
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
    options = parse(
        Options,
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
        print(EXAMPLE, end="")
        return 0
    if options.file is None:
        raise ConfigError(f"no file is named; {PROG} --example prints one to start from")
    return _run(options, options.file)


def _run(options: Options, file: Path) -> int:
    say = saying(json=options.json)

    started = time.perf_counter()
    pipeline = resolve(file, KINDS, out=options.out)
    span, seen = Span(options.from_, options.until), look_at(pipeline, stand_in=file)
    span.chosen(pipeline)
    if options.dry_run:
        decisions = plan(pipeline, seen, span=span)
        found = plan_json(pipeline, decisions)
        print(json.dumps(found) if options.json else plan_text(pipeline, seen, decisions))
        return 0
    done = run_pipeline(pipeline, seen, span=span, say=say)
    seconds = time.perf_counter() - started
    say(f"\n{results_text(done, seconds)}")
    if options.json:
        print(json.dumps(results_json(pipeline, done, seconds)))
    return 0
