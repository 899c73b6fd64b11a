"""Which classes of a time line are drawn, and in which colour: the longest-lasting ones."""

from collections import Counter

from videomae2.jobs.lettering import Color
from videomae2.jobs.timeline import Timeline

OTHER_COLOR: Color = (176, 182, 191)
EMPTY_COLOR: Color = (233, 235, 239)
# told apart by people with any colour vision, and on white: Okabe and Ito 2008, darker yellow
_COLORS: tuple[Color, ...] = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167),
    (86, 180, 233), (230, 159, 0), (120, 94, 160), (128, 128, 0),
)  # fmt: skip
MAX_CLASSES = len(_COLORS)


def assign_class_colors(timeline: Timeline) -> dict[int, Color]:
    """The classes that hold for longest, in that order, each with its colour; the rest have none.

    Of a model of numbers, its first outputs.
    """
    durations: Counter[int] = Counter()
    for segment in timeline.segments:
        milliseconds = round(1000 * (segment.stop_seconds - segment.start_seconds))
        durations[segment.output] += milliseconds
    order = [output for output, _ in durations.most_common()]
    if timeline.outputs.classification_type is None:
        order = list(range(timeline.outputs.count))
    return dict(zip(order, _COLORS, strict=False))
