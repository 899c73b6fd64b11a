"""Complete runs as functions. The table names them all; a line of it is all that adding one takes.

A recipe takes the videos that a person names and the run folder, and looks at neither.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from videomae2.config import PretrainRun
from videomae2.recipes import ablation, demo, internvideo, own, pretrain, v1

Recipe = Callable[[Sequence[Path], Path], PretrainRun]

RECIPES: dict[str, Recipe] = {
    "own": own.own,
    "own-cpu": own.own_cpu,
    "demo": demo.demo,
    "hybrid-base": pretrain.hybrid_base,
    "hybrid-large": pretrain.hybrid_large,
    "hybrid-huge": pretrain.hybrid_huge,
    "hybrid-giant": pretrain.hybrid_giant,
    "ablation-none": ablation.ablation_none,
    "ablation-frame": ablation.ablation_frame,
    "ablation-random": ablation.ablation_random,
    "ablation-cell-all": ablation.ablation_cell_all,
    "ablation-cell-25": ablation.ablation_cell_25,
    "ablation-cell-50": ablation.ablation_cell_50,
    "ablation-cell-75": ablation.ablation_cell_75,
    "v1-k400-small": v1.v1_k400_small,
    "v1-k400-base-800": v1.v1_k400_base_800,
    "v1-k400-base-1600": v1.v1_k400_base_1600,
    "v1-k400-large": v1.v1_k400_large,
    "v1-k400-huge": v1.v1_k400_huge,
    "v1-ssv2-small": v1.v1_ssv2_small,
    "v1-ssv2-base": v1.v1_ssv2_base,
    "v1-ucf101-base": v1.v1_ucf101_base,
    "internvideo-base": internvideo.internvideo_base,
    "internvideo-large": internvideo.internvideo_large,
    "internvideo-huge": internvideo.internvideo_huge,
}
