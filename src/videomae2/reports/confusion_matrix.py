"""A confusion matrix as SVG that stands inside a page.

Axes: classes, as rows (what a video shows) and columns (what it was taken for).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float64, Int64

from videomae2.reports.charts import COLORS, Axes, draw_svg, set_tip, shorten

if TYPE_CHECKING:
    from markupsafe import Markup

MAX_NAMED_CLASSES = 40
"""Classes of a matrix that are named and numbered; more become points of a picture."""
_MOST_OPAQUE = 0.95  # of a cell
_DARK = 0.7  # from here a number is more legible in the colour of the page, in light and dark
_PICTURE_PIXELS = 560


def draw_confusion_matrix(
    confusion: Int64[np.ndarray, "classes classes"], names: Sequence[str], *, description: str
) -> "Markup":
    """Draw which class was taken for which; the darker, the larger the share of the row.

    Up to 40 classes are named and their counts written; of more every pair is a point of a
    picture, and their numbers stand at its sides.
    """
    shares: Float64[np.ndarray, "classes classes"] = confusion / np.maximum(
        confusion.sum(axis=1, keepdims=True), 1
    )
    depth = np.sqrt(shares)  # few mistakes would not be seen otherwise
    if len(names) > MAX_NAMED_CLASSES:
        return _draw_points(depth, description)
    return _draw_cells(confusion, depth, names, description)


def _draw_cells(
    confusion: np.ndarray, depth: np.ndarray, names: Sequence[str], description: str
) -> "Markup":
    count = len(names)
    side = max(16, min(64, 620 // count))
    text_size = min(12, 0.6 * side)

    def draw(axes: Axes) -> None:
        from matplotlib.patches import Rectangle

        labels = [shorten(name) for name in names]
        axes.set_facecolor(COLORS["panel"])
        axes.patch.set_alpha(1)
        axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), aspect="equal")
        axes.set_yticks(range(count), labels)
        slant = {"rotation": 45} if side > 18 else {"rotation": 90, "va": "center"}
        axes.set_xticks(range(count), labels, ha="left", rotation_mode="anchor", **slant)
        axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        for row, column in np.argwhere(confusion):
            videos = int(confusion[row, column])
            cell = Rectangle(
                (column - 0.48, row - 0.48), 0.96, 0.96, linewidth=0,
                color=COLORS["c0" if row == column else "c1"],
                alpha=(alpha := _MOST_OPAQUE * float(depth[row, column])),
            )  # fmt: skip
            set_tip(cell, f"{names[row]} taken for {names[column]}: {videos}")
            axes.add_patch(cell)
            axes.text(
                column, row, str(videos), ha="center", va="center_baseline", fontsize=text_size,
                color=COLORS["panel" if alpha > _DARK else "ink"],
            )  # fmt: skip

    labels = 7.2 * max(len(shorten(name)) for name in names) + 20
    right, top = (0.72, 0.75) if side > 18 else (0, 1)
    size = (int((1 + right) * labels + side * count), int(top * labels + side * count))
    return draw_svg(draw, description=description, size=size)


def _draw_points(depth: np.ndarray, description: str) -> "Markup":
    """A point for a pair: what is right in blue, mistakes in red."""
    right: Bool[np.ndarray, "classes classes"] = np.eye(len(depth), dtype=bool)
    if len(depth) > _PICTURE_PIXELS // 3:  # single points would not be seen
        mistakes = _dilate(np.where(right, 0, depth))
        depth, right = _dilate(np.where(right, depth, 0)), _dilate(right)
        depth = np.where(right, depth, mistakes)
    # colours between those of light and dark: a picture cannot follow the reader's
    ink = np.where(right[..., None], (62, 124, 205), (221, 75, 70)).astype(np.uint8)
    pixels = np.dstack([ink, (255 * depth).round().astype(np.uint8)])

    def draw(axes: Axes) -> None:
        axes.set_facecolor(COLORS["panel"])
        axes.patch.set_alpha(1)
        axes.imshow(pixels, interpolation="none", aspect="equal")
        axes.set(xlabel="number of the class it was taken for", ylabel="number of the class")
        axes.grid(visible=False)

    size = (_PICTURE_PIXELS + 60, _PICTURE_PIXELS + 40)
    return draw_svg(draw, description=description, size=size)


def _dilate(values: np.ndarray) -> np.ndarray:
    """The largest value around each one."""
    padded = np.pad(values, 1)
    count = len(values)
    around = [padded[i : i + count, j : j + count] for i in range(3) for j in range(3)]
    return np.maximum.reduce(around)
