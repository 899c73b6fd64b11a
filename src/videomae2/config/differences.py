"""What differs between two runs, and whether one can go on as the other."""

import re
from dataclasses import dataclass
from typing import Any

from videomae2.config.leaves import leaves, pattern
from videomae2.config.runs import DistillRun, FinetuneRun
from videomae2.data.augment import mixes

SAME_RESULTS = frozenset(
    {
        # where the videos lie; that they are the same ones is seen by the digest and files of their
        # list
        "data.sources.*.path",
        "data.sources.*.root",
        "data.sources.*.name",
        "data.sources.*.layout",
        "labels.names",
        "validation.root",
        # what is written, and when the run gives up
        "data.max_unreadable_share",
        "record.out",
        "record.log_every",
        "record.save_every",
        "record.keep",
        "record.keep_every",
        "record.max_bad_steps",
        # what is looked at on the way
        "probe.videos",
        "probe.test",
        "probe.root",
        "probe.layout",
        "probe.every",
        "probe.most",
        "probe.k",
        # how videos are read; shrink_side changes pixels
        "loading.workers",
        "loading.ahead",
        # which videos count as unreadable from now on, which the machine has a say in anyway
        "loading.deadline_seconds",
        "loading.memory_gib",
        # the same numbers in another order or on other hardware: equal up to rounding
        "model.encoder.checkpoint_blocks",
        "students.*.model.encoder.checkpoint_blocks",
        "teacher.cache",
        "optim.micro_batch",
        "optim.batch_may_shrink",  # what the batch became is compared
        "runtime.device",
        "runtime.compile",
        "runtime.deterministic",
    }
)
"""Settings that may change when a run goes on; every other one changes what it would compute. Two
of these may leave other videos out: the limits of reading."""

ABSENT = "(absent)"

_STRIDE = re.compile(r"data\.sources\.(\d+)\.stride")


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that two runs do not share."""

    path: str
    old: Any
    new: Any
    matters: bool


def differences(
    old: Any, new: Any, same_results: frozenset[str] = SAME_RESULTS
) -> list[Difference]:
    """List the settings that differ, in the order of the configuration.

    Args:
        old: A configuration of any kind.
        new: Another of the same kind.
        same_results: Those whose difference does not matter.
    """
    before, after = dict(leaves(old)), dict(leaves(new))
    return [
        Difference(
            path,
            before.get(path, ABSENT),
            after.get(path, ABSENT),
            matters(path, new, same_results),
        )
        for path in {**before, **after}
        if before.get(path, ABSENT) != after.get(path, ABSENT)
        or (path in before) != (path in after)
    ]


def matters(path: str, run: Any, same_results: frozenset[str] = SAME_RESULTS) -> bool:
    """Whether a setting changes results; all those of a source that came or went do."""
    if _is_stride_of_segments(path, run):
        return False
    if path == "optim.micro_batch" and isinstance(run, FinetuneRun | DistillRun):
        return mixes(run.augment.mix)  # clips are mixed with others of their micro-batch
    return pattern(path) not in same_results


def _is_stride_of_segments(path: str, run: Any) -> bool:
    """Whether it is the stride of a source that gives a frame of each part, where it means nothing.

    Earlier recipes set one.
    """
    found = _STRIDE.fullmatch(path)
    if not found:
        return False
    source = dict(enumerate(run.data.sources)).get(int(found[1]))
    return source is not None and source.sampling == "segments"
