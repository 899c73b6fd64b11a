"""A pipeline from start to end: each stage skipped, begun, gone on with, or done again."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from videomae2.engine.room import check_writable
from videomae2.engine.runlog import duration, to_terminal
from videomae2.errors import ConfigError, Interrupted
from videomae2.jobs.pipeline.planning import Action, Decision, decide
from videomae2.jobs.pipeline.stages import Numbers, Pipeline, Seen, Stage
from videomae2.jobs.pipeline.state import (
    Outcome,
    State,
    digest_of,
    lineage,
    weights_in_settings,
    write_state,
)
from videomae2.jobs.pipeline.stopping import ending_when_asked
from videomae2.jobs.run_folder import RunLock
from videomae2.jobs.work import Say


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What became of a stage."""

    stage: Stage
    action: Action
    """What was done about it."""
    result: Path
    numbers: Numbers
    digest: str
    """SHA-256 of its weights."""
    seconds: float
    """Of this call alone."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which stages are done: from one to another in their order, both included."""

    first: str | None = None
    last: str | None = None

    def chosen(self, pipeline: Pipeline) -> list[str]:
        """Their names.

        Raises:
            ConfigError: If there is no such stage, or none lies between them.
        """
        names = [stage.name for stage in pipeline.stages]
        for flag, name in (("--from", self.first), ("--until", self.last)):
            if name is not None and name not in names:
                raise ConfigError(f"{flag} {name} is no stage; there are {', '.join(names)}")
        start = 0 if self.first is None else names.index(self.first)
        end = len(names) if self.last is None else names.index(self.last) + 1
        if start >= end:
            raise ConfigError(
                f"--from {self.first} comes after --until {self.last}; the order is "
                f"{', '.join(names)}"
            )
        return names[start:end]


@dataclass(slots=True)
class Running:
    """What is known of the stages while they are done."""

    pipeline: Pipeline
    seen: Mapping[str, Seen]
    say: Say
    done: dict[str, Done] = field(default_factory=dict)

    def decide(self, stage: Stage) -> Decision:
        """What has to be done about a stage; parents that are not done may change."""
        parents = {
            role: self.done[name].digest if name in self.done else None
            for role, name in stage.parents.items()
        }
        named = {role: digest_of(path) for role, path in weights_in_settings(stage)}
        return decide(stage, self.seen[stage.name], named | parents)

    def take(self, stage: Stage, decision: Decision) -> Done:
        """Take a finished stage as it is."""
        assert decision.state is not None
        assert decision.state.outcome is not None
        found = decision.state.outcome
        done = Done(
            stage=stage,
            action="skip",
            result=stage.job.out / found.result,
            numbers=found.numbers,
            digest=found.digest,
            seconds=0.0,
        )
        self.done[stage.name] = done
        return done

    def do(self, stage: Stage, decision: Decision) -> Done:
        """Do a stage, or go on with it."""
        started, out, origin = time.perf_counter(), stage.job.out, decision.origin
        if decision.action == "redo":
            self.say(f"aside    what was there is in {move_aside(out)}")
        write_state(out, State(origin=origin))
        weights = {role: self.done[name].result for role, name in stage.parents.items()}
        job = replace(stage.job, weights=weights, compared=stage.kind.aside)
        notes = {"lineage": lineage(self.pipeline.name, stage, origin)}
        result = stage.kind.do(job, notes, self.say)
        digest, numbers = digest_of(result), stage.kind.numbers(job, result)
        outcome = Outcome(result=str(result.relative_to(out)), digest=digest, numbers=numbers)
        write_state(out, State(origin=origin, outcome=outcome))
        self.done[stage.name] = Done(
            stage=stage,
            action=decision.action,
            result=result,
            numbers=numbers,
            digest=digest,
            seconds=time.perf_counter() - started,
        )
        return self.done[stage.name]


def plan(pipeline: Pipeline, seen: Mapping[str, Seen], *, span: Span) -> dict[str, Decision]:
    """What has to be done about each chosen stage, as far as it can be known now.

    Raises:
        ConfigError: If a stage before the first chosen one is needed and not finished.
    """
    chosen = span.chosen(pipeline)
    running = Running(pipeline, seen, to_terminal)
    decisions = {}
    for stage in pipeline.stages:
        decision = running.decide(stage)
        if decision.action == "skip":
            running.take(stage, decision)
        if stage.name in chosen:
            decisions[stage.name] = decision
    _check_before(pipeline, chosen, running)
    return decisions


def run_pipeline(
    pipeline: Pipeline, seen: Mapping[str, Seen], *, span: Span, say: Say = to_terminal
) -> list[Done]:
    """Do what has to be done about each chosen stage, in order.

    Args:
        pipeline: Complete and looked at.
        seen: What was found out about each stage.
        span: Which stages.
        say: Takes each line for people.

    Returns:
        What became of each chosen stage.

    Raises:
        ConfigError: If a stage before the first chosen one is needed and not finished.
        CheckpointError: If a folder cannot be used, or another process uses it.
        Interrupted: When asked to stop; the same call goes on.
    """
    chosen = span.chosen(pipeline)
    if span.first is not None:
        plan(pipeline, seen, span=span)
    check_writable(pipeline.out, 0)
    running = Running(pipeline, seen, say)
    with RunLock(pipeline.out):
        for stage in pipeline.stages:
            try:
                with ending_when_asked():
                    _see_to(running, stage, chosen)
            except Interrupted as stopped:
                words = f"stage {stage.name}: {stopped}; the same command goes on"
                raise Interrupted(words) from stopped
    return [running.done[name] for name in chosen]


def _see_to(running: Running, stage: Stage, chosen: list[str]) -> None:
    """Do what has to be done about a stage, if it is one of the chosen."""
    say, decision = running.say, running.decide(stage)
    if stage.name in chosen:
        number = f"{chosen.index(stage.name) + 1} of {len(chosen)}"
        say(f"\n== stage {number}: {stage.name} ({stage.title})")
        say(f"{decision.action:<8} {decision.why}")
    if decision.action == "skip":
        running.take(stage, decision)
    elif stage.name in chosen:
        done = running.do(stage, decision)
        say(f"done     {stage.name} in {duration(done.seconds)}: {done.result}")


def move_aside(folder: Path) -> Path:
    """Give a folder another name, so that a fresh one can take its place.

    Raises:
        CheckpointError: If another process is training in it.
    """
    number = 1
    while (aside := folder.with_name(f"{folder.name}.old-{number}")).exists():
        number += 1
    with RunLock(folder):
        folder.rename(aside)
    return aside


def _check_before(pipeline: Pipeline, chosen: list[str], running: Running) -> None:
    """Refuse to start in the middle without what comes before."""
    problems = []
    for stage in pipeline.stages:
        for parent in stage.parents.values() if stage.name in chosen else ():
            if parent not in chosen and parent not in running.done:
                why = running.decide(next(s for s in pipeline.stages if s.name == parent)).why
                problems.append(
                    f"stage {stage.name} needs {parent}, which is to be done first ({why}); "
                    f"leave --from out"
                )
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
