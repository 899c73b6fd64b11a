"""Stages of a file in the order in which they can be done: parents first."""

from collections.abc import Callable, Mapping, Sequence

from videomae2.config.pipeline_entries import StageEntry


def sort_parents_first(
    stages: Sequence[StageEntry], add_problem: Callable[[int, str], None]
) -> tuple[StageEntry, ...]:
    """Order stages; of those that could be next the first of the file is.

    Args:
        stages: In the order of the file.
        add_problem: Takes line and words of a problem: stages that wait for each other. They come last.
    """
    remaining, done = {stage.name: stage for stage in stages}, dict[str, StageEntry]()
    while remaining:
        ready = next((s for s in remaining.values() if not _list_remaining_parents(s, remaining)), None)
        if ready is None:
            cycle = _find_cycle(remaining)
            words = " -> ".join([*cycle, cycle[0]])
            lines = ", ".join(str(remaining[name].line_of("from")) for name in cycle)
            problem = f"the stages {words} wait for each other (from in lines {lines})"
            add_problem(remaining[cycle[0]].line_of("from"), problem)
            return (*done.values(), *remaining.values())
        done[ready.name] = remaining.pop(ready.name)
    return tuple(done.values())


def _list_remaining_parents(stage: StageEntry, remaining: Mapping[str, StageEntry]) -> list[str]:
    return [parent for parent in stage.parents.values() if parent in remaining]


def _find_cycle(remaining: Mapping[str, StageEntry]) -> list[str]:
    """Some stages of which each waits for the next, and the last for the first."""
    names = [next(iter(remaining))]
    while True:
        parent = _list_remaining_parents(remaining[names[-1]], remaining)[0]
        if parent in names:
            return names[names.index(parent) :]
        names.append(parent)
