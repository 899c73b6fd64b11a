"""Complete runs as functions. The table names them all; a line of it is all that adding one takes.

A recipe takes the videos that a person names and the run folder, and looks at neither.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from videomae2.config import DistillRun, FinetuneRun, PretrainRun
from videomae2.recipes.ablation import (
    ablation_cell_25,
    ablation_cell_50,
    ablation_cell_75,
    ablation_cell_all,
    ablation_frame,
    ablation_none,
    ablation_random,
)
from videomae2.recipes.demo import demo
from videomae2.recipes.distill import (
    distill_k710_base,
    distill_k710_small,
    distill_own,
    distill_own_cpu,
    distill_ssv2_base,
)
from videomae2.recipes.internvideo import internvideo_base, internvideo_huge, internvideo_large
from videomae2.recipes.own import own, own_cpu
from videomae2.recipes.own_finetune import finetune_own, finetune_own_cpu
from videomae2.recipes.pretrain import hybrid_base, hybrid_giant, hybrid_huge, hybrid_large
from videomae2.recipes.v1 import (
    v1_k400_base_800,
    v1_k400_base_1600,
    v1_k400_huge,
    v1_k400_large,
    v1_k400_small,
    v1_ssv2_base,
    v1_ssv2_small,
    v1_ucf101_base,
)

R = TypeVar("R")
Recipe = Callable[[Sequence[Path], Path], R]
"""Videos and a run folder → a complete run."""

RECIPES: dict[str, Recipe[PretrainRun]] = {
    "own": own,
    "own-cpu": own_cpu,
    "demo": demo,
    "hybrid-base": hybrid_base,
    "hybrid-large": hybrid_large,
    "hybrid-huge": hybrid_huge,
    "hybrid-giant": hybrid_giant,
    "ablation-none": ablation_none,
    "ablation-frame": ablation_frame,
    "ablation-random": ablation_random,
    "ablation-cell-all": ablation_cell_all,
    "ablation-cell-25": ablation_cell_25,
    "ablation-cell-50": ablation_cell_50,
    "ablation-cell-75": ablation_cell_75,
    "v1-k400-small": v1_k400_small,
    "v1-k400-base-800": v1_k400_base_800,
    "v1-k400-base-1600": v1_k400_base_1600,
    "v1-k400-large": v1_k400_large,
    "v1-k400-huge": v1_k400_huge,
    "v1-ssv2-small": v1_ssv2_small,
    "v1-ssv2-base": v1_ssv2_base,
    "v1-ucf101-base": v1_ucf101_base,
    "internvideo-base": internvideo_base,
    "internvideo-large": internvideo_large,
    "internvideo-huge": internvideo_huge,
}

FINETUNE_RECIPES: dict[str, Recipe[FinetuneRun]] = {
    "own": finetune_own,
    "own-cpu": finetune_own_cpu,
}

DISTILL_RECIPES: dict[str, Recipe[DistillRun]] = {
    "own": distill_own,
    "own-cpu": distill_own_cpu,
    "k710-base": distill_k710_base,
    "k710-small": distill_k710_small,
    "ssv2-base": distill_ssv2_base,
}
