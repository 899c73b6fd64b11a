"""Stages of a file in the order in which they can be done: parents first."""

from collections.abc import Callable, Mapping, Sequence

from videomae2.config.pipeline_entries import StageEntry


def parents_first(
    stages: Sequence[StageEntry], note: Callable[[int, str], None]
) -> tuple[StageEntry, ...]:
    """Order stages; of those that could be next the first of the file is.

    Args:
        stages: In the order of the file.
        note: Takes line and words of a problem: stages that wait for each other. They come last.
    """
    left, done = {stage.name: stage for stage in stages}, dict[str, StageEntry]()
    while left:
        ready = next((s for s in left.values() if not _waits_for(s, left)), None)
        if ready is None:
            circle = _circle(left)
            words = " -> ".join([*circle, circle[0]])
            lines = ", ".join(str(left[name].where("from")) for name in circle)
            problem = f"the stages {words} wait for each other (from in lines {lines})"
            note(left[circle[0]].where("from"), problem)
            return (*done.values(), *left.values())
        done[ready.name] = left.pop(ready.name)
    return tuple(done.values())


def _waits_for(stage: StageEntry, left: Mapping[str, StageEntry]) -> list[str]:
    return [parent for parent in stage.parents.values() if parent in left]


def _circle(left: Mapping[str, StageEntry]) -> list[str]:
    """Some stages of which each waits for the next, and the last for the first."""
    way = [next(iter(left))]
    while True:
        parent = _waits_for(left[way[-1]], left)[0]
        if parent in way:
            return way[way.index(parent) :]
        way.append(parent)
