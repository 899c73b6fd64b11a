"""Complete runs as functions. The table names them all; a line of it is all that adding one takes.

A recipe takes the videos that a person names and the run folder, and looks at neither.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun
from videomae2.recipes.ablation import (
    ablation_cell_25,
    ablation_cell_50,
    ablation_cell_75,
    ablation_cell_all,
    ablation_frame,
    ablation_none,
    ablation_random,
)
from videomae2.recipes.demo import demo, demo_distill, demo_finetune
from videomae2.recipes.distill import (
    distill_k710_base,
    distill_k710_small,
    distill_own,
    distill_own_cpu,
    distill_ssv2_base,
)
from videomae2.recipes.internvideo import (
    internvideo_base,
    internvideo_huge,
    internvideo_k400_huge_segments,
    internvideo_k600_k400_huge,
    internvideo_k710_k400_huge,
    internvideo_k710_k600_huge,
    internvideo_k710_k700_huge,
    internvideo_large,
)
from videomae2.recipes.k710 import k710_base, k710_giant, k710_giant_paper, k710_huge, k710_small
from videomae2.recipes.k710_transfer import (
    k710_hmdb51_giant,
    k710_k400_giant,
    k710_k400_giant_64x266,
    k710_k400_giant_paper,
    k710_k600_giant,
    k710_k600_giant_64x266,
    k710_k600_giant_paper,
    k710_k700_giant,
    k710_ucf101_giant,
)
from videomae2.recipes.kinetics import k400_base, k400_giant, k400_huge, k400_large, k600_huge
from videomae2.recipes.own import (
    finetune_own,
    finetune_own_cpu,
    finetune_own_frozen,
    finetune_own_lora,
    own,
    own_cpu,
)
from videomae2.recipes.pretrain import (
    hybrid_base,
    hybrid_giant,
    hybrid_huge,
    hybrid_large,
    hybrid_small,
)
from videomae2.recipes.something import (
    ssv1_giant,
    ssv2_base,
    ssv2_giant,
    ssv2_giant_paper,
    ssv2_huge,
    ssv2_large,
)
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
from videomae2.recipes.v1_finetune import (
    v1_k400_base_800_finetune,
    v1_k400_base_1600_finetune,
    v1_k400_huge_finetune,
    v1_k400_large_finetune,
    v1_k400_small_finetune,
    v1_ssv2_base_finetune,
    v1_ssv2_small_finetune,
    v1_ucf101_base_finetune,
)

R = TypeVar("R")


Recipe = Callable[[Sequence[Path], Path], R]
"""Videos and a run folder → a complete run."""


RECIPES: dict[str, Recipe[PretrainRun]] = {
    "own": own,
    "own-cpu": own_cpu,
    "demo": demo,
    "hybrid-small": hybrid_small,
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
    "own-frozen": finetune_own_frozen,
    "own-lora": finetune_own_lora,
    "demo": demo_finetune,
    "k710-small": k710_small,
    "k710-base": k710_base,
    "k710-huge": k710_huge,
    "k710-giant": k710_giant,
    "k710-giant-paper": k710_giant_paper,
    "k710-k400-giant": k710_k400_giant,
    "k710-k600-giant": k710_k600_giant,
    "k710-k700-giant": k710_k700_giant,
    "k710-k400-giant-paper": k710_k400_giant_paper,
    "k710-k600-giant-paper": k710_k600_giant_paper,
    "k710-k400-giant-64x266": k710_k400_giant_64x266,
    "k710-k600-giant-64x266": k710_k600_giant_64x266,
    "k710-ucf101-giant": k710_ucf101_giant,
    "k710-hmdb51-giant": k710_hmdb51_giant,
    "k400-base": k400_base,
    "k400-large": k400_large,
    "k400-huge": k400_huge,
    "k400-giant": k400_giant,
    "k600-huge": k600_huge,
    "ssv2-base": ssv2_base,
    "ssv2-large": ssv2_large,
    "ssv2-huge": ssv2_huge,
    "ssv2-giant": ssv2_giant,
    "ssv2-giant-paper": ssv2_giant_paper,
    "ssv1-giant": ssv1_giant,
    "v1-k400-small": v1_k400_small_finetune,
    "v1-k400-base-800": v1_k400_base_800_finetune,
    "v1-k400-base-1600": v1_k400_base_1600_finetune,
    "v1-k400-large": v1_k400_large_finetune,
    "v1-k400-huge": v1_k400_huge_finetune,
    "v1-ssv2-small": v1_ssv2_small_finetune,
    "v1-ssv2-base": v1_ssv2_base_finetune,
    "v1-ucf101-base": v1_ucf101_base_finetune,
    "internvideo-k710-k400-huge": internvideo_k710_k400_huge,
    "internvideo-k710-k600-huge": internvideo_k710_k600_huge,
    "internvideo-k710-k700-huge": internvideo_k710_k700_huge,
    "internvideo-k600-k400-huge": internvideo_k600_k400_huge,
    "internvideo-k400-huge-segments": internvideo_k400_huge_segments,
}
"""Recipes of ``videomae2 finetune``; where pre-training has one of the same name, it is the parent
(of ``own`` and ``own-cpu`` if asked for)."""


DISTILL_RECIPES: dict[str, Recipe[DistillRun]] = {
    "own": distill_own,
    "own-cpu": distill_own_cpu,
    "demo": demo_distill,
    "k710-base": distill_k710_base,
    "k710-small": distill_k710_small,
    "ssv2-base": distill_ssv2_base,
}
