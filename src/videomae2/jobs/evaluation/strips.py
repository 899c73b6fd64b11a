"""The strips that the page shows: from the gallery, or read again if scored in an earlier call."""

from collections.abc import Sequence

from videomae2.data.manifest import Entry
from videomae2.data.view_reading import ViewsRequest
from videomae2.jobs.evaluation.contact_sheets import select_hits, select_misses
from videomae2.jobs.evaluation.gallery import ThumbnailCache, make_filmstrip
from videomae2.jobs.evaluation.results import VideoResult
from videomae2.jobs.evaluation.scoring import VideoScorer
from videomae2.models.cards import TaskType


def collect_filmstrips(
    videos: Sequence[VideoResult],
    task_type: TaskType,
    thumbnails: ThumbnailCache,
    list_rows: Sequence[int],
    entries: Sequence[Entry],
    video_scorer: VideoScorer,
) -> tuple[dict[int, bytes], int]:
    """Frames of the videos on both sheets by their rows, and how many were opened again for them.

    Args:
        videos: All that were scored, the hardest first.
        task_type: What the model says.
        thumbnails: What was kept of those that were scored in this call.
        list_rows: Of each row in the list.
        entries: The list.
        video_scorer: Reads videos.
    """
    shown_rows = [video.row for sheet in (select_misses, select_hits) for video in sheet(videos, task_type)]
    cached = thumbnails.filmstrips
    filmstrips = {row: cached[list_rows[row]] for row in shown_rows if list_rows[row] in cached}
    missing_rows = [row for row in shown_rows if row not in filmstrips]
    decoded = _decode_filmstrips([entries[list_rows[row]] for row in missing_rows], video_scorer)
    return filmstrips | {r: s for r, s in zip(missing_rows, decoded, strict=True) if s is not None}, len(missing_rows)


def _decode_filmstrips(entries: Sequence[Entry], video_scorer: VideoScorer) -> list[bytes | None]:
    """Read videos in processes that can be killed; None for one that is gone by now."""
    if not entries:
        return []
    with video_scorer.make_pool() as pool:
        return [
            None if answer.arrays is None else make_filmstrip(video_scorer.resize_to_cover(answer.arrays))
            for answer in pool.map([ViewsRequest(entry, video_scorer.view_spec) for entry in entries])
        ]
