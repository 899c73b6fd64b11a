"""What differs between two runs, and whether one can go on as the other."""

from typing import Any

from videomae2.base.provenance import diff_values
from videomae2.base.schema import flatten, wildcard_path
from videomae2.config.files import to_builtin
from videomae2.config.runs import DistillRun, FinetuneRun
from videomae2.data.augment.augment import is_mixing

RESUME_SAFE_FIELDS = frozenset(
    {
        # where the videos lie; that they are the same ones is seen by the digest and files of their
        # list
        "data.sources.*.path",
        "data.sources.*.root",
        "data.sources.*.name",
        "data.sources.*.layout",
        "labels.class_names",
        "validation.root",
        "validation.layout",
        # what is written, and when the run gives up
        "data.max_unreadable_share",
        "data.cache",  # the same bits with it and without
        "output_dir",
        "logging.interval",
        "checkpoint.interval",
        "checkpoint.keep_latest_k",
        "checkpoint.keep_interval",
        "max_nonfinite_steps",
        # what is looked at on the way
        "validation.find_duplicates",
        "online_probe.videos",
        "online_probe.test",
        "online_probe.root",
        "online_probe.layout",
        "online_probe.groups",
        "online_probe.interval",
        "online_probe.max_videos",
        "online_probe.k",
        # how videos are read; max_short_side changes pixels
        "reading.num_workers",
        "reading.prefetch_factor",
        # which videos count as unreadable from now on, which the machine has a say in anyway
        "reading.timeout_seconds",
        "reading.memory_limit_gib",
        # the same numbers in another order or on other hardware: equal up to rounding
        "model.encoder.activation_checkpointing",
        "teacher.cache_dir",
        "optim.micro_batch_size",
        "optim.allow_smaller_batch",  # what the batch became is compared
        "runtime.device",
        "runtime.threads",
        "runtime.compile",
        "runtime.deterministic",
    }
)
"""Settings that may change when a run goes on; every other one changes what it would compute. Two
of these may leave other videos out: the limits of reading."""


def diff_configs(
    old: Any, new: Any, ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS
) -> list[str]:
    """Say which settings that change results differ, in the order of the configuration.

    Args:
        old: A configuration of any kind.
        new: Another of the same kind.
        ignored_fields: Those whose difference does not matter.
    """
    before, after = (
        {
            path: to_builtin(value)
            for path, value in flatten(run)
            if affects_results(path, new, ignored_fields)
        }
        for run in (old, new)
    )
    return diff_values(before, after)


def affects_results(
    path: str, run: Any, ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS
) -> bool:
    """Whether a setting changes results; all those of a source that came or went do."""
    if path == "optim.micro_batch_size" and isinstance(run, FinetuneRun | DistillRun):
        return is_mixing(run.augment.mix)  # clips are mixed with others of their micro-batch
    return wildcard_path(path) not in ignored_fields
