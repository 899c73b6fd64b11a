"""From the scores of views to what each video's answer is, with all views and with some of them.

Axes: videos; views = clips x crops; outputs; parts = ways to take some clips and some crops; kept =
numbers kept of a video and a part.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from videomae2.data.view_grid import ViewGridConfig
from videomae2.jobs.scoring import Scores
from videomae2.models.cards import Answers
from videomae2.tensors.merging import evenly, probabilities


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Answers of videos."""

    merged: Float64[np.ndarray, "videos outputs"]
    """Mean of the probabilities (or numbers) of all views."""
    parts: tuple[tuple[int, int], ...]
    """(clips, crops) of each part; the last is all of them."""
    by_part: Float32[np.ndarray, "parts videos kept"]
    """What `judge` kept of the same mean over the views of each part."""


Judge = Callable[[Float64[np.ndarray, "parts outputs"], int], Float64[np.ndarray, "parts kept"]]
"""Takes the answers of a video by parts of its views, and its row; gives what is worth keeping."""


def gather(
    scores: Iterable[Scores],
    grid: ViewGridConfig,
    answers: Answers,
    *,
    judge: Judge,
) -> Gathered:
    """Average the views of every video; the views of one video are in memory at a time.

    Args:
        scores: Of every video, before softmax or sigmoid.
        grid: What the views are.
        answers: What the outputs mean.
        judge: Keeps little of each part, for of many classes and videos all would be too much.

    Source: engine_for_finetuning.py of the released code: softmax of each view, then the mean.
    """
    parts = parts_of(grid)
    merged: list[np.ndarray] = []
    kept: list[np.ndarray] = []
    for row, of_views in enumerate(scores):
        found = of_views.astype(np.float64)
        if answers != "numbers":
            found = probabilities(of_views, answers)
        merged.append(found.mean(axis=0))
        cube = found.reshape(grid.clips, grid.crops, -1)
        some = [_part(cube, clips, crops) for clips, crops in parts]
        kept.append(judge(np.stack(some), row).astype(np.float32))
    return Gathered(np.stack(merged), parts, np.stack(kept, axis=1))


def _part(
    cube: Float64[np.ndarray, "clips crops outputs"], clips: int, crops: int
) -> Float64[np.ndarray, " outputs"]:
    some = cube[evenly(cube.shape[0], clips)][:, evenly(cube.shape[1], crops)]
    mean: Float64[np.ndarray, " outputs"] = some.mean(axis=(0, 1))
    return mean


def parts_of(grid: ViewGridConfig, most: int = 6) -> tuple[tuple[int, int], ...]:
    """(clips, crops) for 1 … all of both; of many, a few spread evenly, all of them included."""
    clips, crops = (_some(count, most) for count in (grid.clips, grid.crops))
    return tuple((one, other) for one in clips for other in crops)


def _some(count: int, most: int) -> list[int]:
    if count <= most:
        return list(range(1, count + 1))
    return sorted({round(1 + i * (count - 1) / (most - 1)) for i in range(most)})
