"""Whether a run can work: every problem at once, before any work; no video is opened.

The range of every number stands in one table.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from videomae2.base.schema import flag_name, flatten, wildcard_path
from videomae2.config.distill import DISTILL_CHECKS
from videomae2.config.finetune import FINETUNE_CHECKS
from videomae2.config.pretrain import PRETRAIN_CHECKS
from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun, Run
from videomae2.config.shared_checks import SHARED_CHECKS, SINGLE_MODEL_CHECKS, Check
from videomae2.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Range:
    """A range; an end that is not given is open, and so is one that is excluded."""

    description: str
    minimum: float = -math.inf
    maximum: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def contains(self, value: float | int) -> bool:
        """Whether a value lies inside; NaN and infinity never do."""
        inside = self.minimum <= value <= self.maximum and self.above < value < self.below
        return inside and math.isfinite(value)


_POSITIVE = Range("a number above 0", above=0.0)


_NOT_NEGATIVE = Range("0 or more", minimum=0.0)


_ONE_OR_MORE = Range("1 or more", minimum=1.0)


_SHARE = Range("a share from 0 to 1", minimum=0.0, maximum=1.0)


_SHARE_ABOVE_0 = Range("shares above 0 and up to 1", above=0.0, maximum=1.0)


_INNER_SHARE = Range("a share between 0 and 1", above=0.0, below=1.0)


_BELOW_ONE = Range("a number from 0 to below 1", minimum=0.0, below=1.0)


_MODEL = {
    "encoder.frames": _ONE_OR_MORE,
    "encoder.height": _ONE_OR_MORE,
    "encoder.width": _ONE_OR_MORE,
    "encoder.channels": _ONE_OR_MORE,
    "encoder.patch_size": _ONE_OR_MORE,
    "encoder.tubelet_size": _ONE_OR_MORE,
    "encoder.embed_dim": _ONE_OR_MORE,
    "encoder.depth": _ONE_OR_MORE,
    "encoder.num_heads": _ONE_OR_MORE,
    "encoder.mlp_ratio": _POSITIVE,
    "encoder.pretrained_grid": _ONE_OR_MORE,
    "encoder.drop_path": _BELOW_ONE,
    "encoder.init_values": _NOT_NEGATIVE,
    "num_classes": _NOT_NEGATIVE,
    "head_drop_rate": _BELOW_ONE,
    "head_init_scale": _NOT_NEGATIVE,
}
"""Of a classifier, wherever it stands."""


RANGES = {
    "data.sources.*.frame_interval": _POSITIVE,
    "data.sources.*.frame_rate": _POSITIVE,
    "data.sources.*.weight": _POSITIVE,
    "data.views": _ONE_OR_MORE,
    "data.crop.scale": _SHARE_ABOVE_0,
    "data.crop.ratio": _POSITIVE,
    "data.mean": Range("numbers"),
    "data.std": _POSITIVE,
    "data.max_unreadable_share": _SHARE,
    **{f"model.{name}": limit for name, limit in _MODEL.items()},
    **{f"students.*.model.{name}": limit for name, limit in _MODEL.items()},
    "students.*.lr_mult": _POSITIVE,
    "model.decoder.depth": _ONE_OR_MORE,
    "model.decoder.embed_dim": _ONE_OR_MORE,
    "model.decoder.num_heads": _ONE_OR_MORE,
    "model.decoder.drop_path": _BELOW_ONE,
    "tuning.frozen_blocks": _NOT_NEGATIVE,
    "tuning.lora.rank": _NOT_NEGATIVE,
    "tuning.lora.alpha": _POSITIVE,
    "task.label_smoothing": _BELOW_ONE,
    "task.balance": _SHARE,
    "task.temperature": _POSITIVE,
    "task.soft_weight": _NOT_NEGATIVE,
    "task.hard_weight": _NOT_NEGATIVE,
    "task.feature_weight": _NOT_NEGATIVE,
    "augment.rand_augment.num_ops": _NOT_NEGATIVE,
    "augment.rand_augment.magnitude": Range("a number from 0 to 10", minimum=0.0, maximum=10.0),
    "augment.rand_augment.magnitude_std": _NOT_NEGATIVE,
    "augment.rand_augment.prob": _SHARE,
    "augment.erase.prob": _SHARE,
    "augment.erase.max_count": _ONE_OR_MORE,
    "augment.erase.scale": _SHARE_ABOVE_0,
    "augment.erase.ratio": _SHARE_ABOVE_0,
    "augment.mix.mixup_alpha": _NOT_NEGATIVE,
    "augment.mix.cutmix_alpha": _NOT_NEGATIVE,
    "augment.mix.prob": _SHARE,
    "augment.mix.switch_prob": _SHARE,
    "validation.share": _BELOW_ONE,
    "validation.interval": _ONE_OR_MORE,
    "masking.encoder_mask_ratio": _INNER_SHARE,
    "masking.decoder_mask_ratio": _INNER_SHARE,
    "optim.lr": _POSITIVE,
    "optim.epochs": _POSITIVE,
    "optim.warmup_epochs": _NOT_NEGATIVE,
    "optim.global_batch_size": _ONE_OR_MORE,
    "optim.micro_batch_size": _ONE_OR_MORE,
    "optim.min_lr": _NOT_NEGATIVE,
    "optim.weight_decay": _NOT_NEGATIVE,
    "optim.layer_decay": Range("a number above 0, to 1", above=0.0, maximum=1.0),
    "optim.betas": _BELOW_ONE,
    "optim.eps": _POSITIVE,
    "optim.clip_norm": _POSITIVE,
    "optim.ema_decay": _INNER_SHARE,
    "logging.interval": _ONE_OR_MORE,
    "checkpoint.interval": _ONE_OR_MORE,
    "checkpoint.keep_latest_k": _ONE_OR_MORE,
    "checkpoint.keep_interval": _ONE_OR_MORE,
    "max_nonfinite_steps": _ONE_OR_MORE,
    "online_probe.interval": _ONE_OR_MORE,
    "online_probe.max_videos": Range("10 or more", minimum=10.0),
    "online_probe.k": _ONE_OR_MORE,
    "loading.num_workers": _NOT_NEGATIVE,
    "loading.prefetch_factor": _ONE_OR_MORE,
    "loading.timeout_seconds": _POSITIVE,
    "loading.memory_limit_gib": _POSITIVE,
    "loading.max_short_side": _ONE_OR_MORE,
    "seed": Range("a number from 0 to below 2^63", minimum=0.0, below=2.0**63),
}


def range_errors(run: Any) -> Iterator[tuple[str, str]]:
    """Give path and problem of every number of a run that lies outside its range."""
    for path, value in flatten(run):
        allowed = RANGES.get(wildcard_path(path))
        numbers = value if isinstance(value, tuple) else (value,)
        if allowed and not all(part is None or allowed.contains(part) for part in numbers):
            given = " ".join(map(str, numbers))
            yield path, f"{flag_name(path)} {given} cannot work; it wants {allowed.description}"


CHECKS: dict[type, tuple[Check, ...]] = {
    PretrainRun: SINGLE_MODEL_CHECKS + PRETRAIN_CHECKS,
    FinetuneRun: SINGLE_MODEL_CHECKS + FINETUNE_CHECKS,
    DistillRun: SHARED_CHECKS + DISTILL_CHECKS,
}


def check_run(run: Run) -> None:
    """Raise if a run cannot work.

    Raises:
        ConfigError: With every problem.
    """
    range_problems = dict(range_errors(run))
    problems = list(range_problems.values())
    for find_problems, prefixes in CHECKS[type(run)]:
        if not any(path.startswith(prefixes) for path in range_problems):
            problems += find_problems(run)
    if problems:
        raise ConfigError(problems)
