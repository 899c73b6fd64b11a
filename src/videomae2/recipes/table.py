"""Complete runs as functions. The table names them all; a row of its family adds a released one.

A recipe takes the videos that a person names and the run folder, and looks at neither.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun
from videomae2.recipes.demo import demo, demo_distill, demo_finetune
from videomae2.recipes.distill import (
    distill_k710_base,
    distill_k710_small,
    distill_own,
    distill_own_cpu,
    distill_own_cpu_motion,
    distill_ssv2_base,
)
from videomae2.recipes.internvideo import INTERNVIDEO_FINETUNE_ROWS, INTERNVIDEO_ROWS
from videomae2.recipes.k710 import K710_ROWS, K710_TRANSFER_ROWS
from videomae2.recipes.own import (
    finetune_own,
    finetune_own_frozen,
    finetune_own_lora,
    own,
)
from videomae2.recipes.own_cpu import (
    finetune_own_cpu,
    finetune_own_cpu_motion,
    own_cpu,
    own_cpu_motion,
)
from videomae2.recipes.rows import build_recipes
from videomae2.recipes.v1 import V1_FINETUNE_ROWS, V1_ROWS
from videomae2.recipes.v2_finetune import KINETICS_ROWS, SOMETHING_ROWS
from videomae2.recipes.v2_pretrain import ABLATION_ROWS, HYBRID_ROWS

R = TypeVar("R")


Recipe = Callable[[Sequence[Path], Path], R]
"""Videos and a run folder → a complete run."""


RECIPES: dict[str, Recipe[PretrainRun]] = {
    "own": own,
    "own-cpu": own_cpu,
    "own-cpu-motion": own_cpu_motion,
    "demo": demo,
    **build_recipes("pretrain", {**HYBRID_ROWS, **ABLATION_ROWS, **V1_ROWS, **INTERNVIDEO_ROWS}),
}


FINETUNE_RECIPES: dict[str, Recipe[FinetuneRun]] = {
    "own": finetune_own,
    "own-cpu": finetune_own_cpu,
    "own-cpu-motion": finetune_own_cpu_motion,
    "own-frozen": finetune_own_frozen,
    "own-lora": finetune_own_lora,
    "demo": demo_finetune,
    **build_recipes(
        "finetune",
        {
            **K710_ROWS,
            **K710_TRANSFER_ROWS,
            **KINETICS_ROWS,
            **SOMETHING_ROWS,
            **V1_FINETUNE_ROWS,
            **INTERNVIDEO_FINETUNE_ROWS,
        },
    ),
}
"""Recipes of ``videomae2 finetune``; where pre-training has one of the same name, it is the parent
(of ``own``, ``own-cpu`` and ``own-cpu-motion`` if asked for)."""


DISTILL_RECIPES: dict[str, Recipe[DistillRun]] = {
    "own": distill_own,
    "own-cpu": distill_own_cpu,
    "own-cpu-motion": distill_own_cpu_motion,
    "demo": demo_distill,
    "k710-base": distill_k710_base,
    "k710-small": distill_k710_small,
    "ssv2-base": distill_ssv2_base,
}
