"""The strips that the page shows: from the gallery, or read again if scored in an earlier call."""

from collections.abc import Sequence

from videomae2.data.manifest import Entry
from videomae2.data.view_reading import ViewsRequest
from videomae2.jobs.evaluation.contact_sheets import hits, misses
from videomae2.jobs.evaluation.gallery import Gallery, picture
from videomae2.jobs.evaluation.results import VideoResult
from videomae2.jobs.evaluation.scoring import Scoring
from videomae2.models.cards import Answers


def strips_of(
    videos: Sequence[VideoResult],
    answers: Answers,
    gallery: Gallery,
    places: Sequence[int],
    entries: Sequence[Entry],
    scoring: Scoring,
) -> tuple[dict[int, bytes], int]:
    """Frames of the videos on both sheets by their rows, and how many were opened again for them.

    Args:
        videos: All that were scored, the hardest first.
        answers: What the model says.
        gallery: What was kept of those that were scored in this call.
        places: Of each row in the list.
        entries: The list.
        scoring: Reads videos.
    """
    shown = [video.row for sheet in (misses, hits) for video in sheet(videos, answers)]
    kept = gallery.strips
    found = {row: kept[places[row]] for row in shown if places[row] in kept}
    absent = [row for row in shown if row not in found]
    again = _read([entries[places[row]] for row in absent], scoring)
    return found | {r: s for r, s in zip(absent, again, strict=True) if s is not None}, len(absent)


def _read(entries: Sequence[Entry], scoring: Scoring) -> list[bytes | None]:
    """Read videos in processes that can be killed; None for one that is gone by now."""
    if not entries:
        return []
    with scoring.pool() as pool:
        return [
            None if answer.arrays is None else picture(scoring.covered(answer.arrays))
            for answer in pool.map([ViewsRequest(entry, scoring.shape) for entry in entries])
        ]
