"""Videos that take too long when they are read for the first time, as on a busy machine."""

from videomae2.data.views.read import read_views
from videomae2.errors import VideoTimeoutError


def late_at_first(monkeypatch):
    """Let each video be late once, and give the list of those that were."""
    late = []

    def once_late(request, allocate):
        if request.path not in late:
            late.append(request.path)
            raise VideoTimeoutError(request.path, "it took too long")
        return read_views(request, allocate)

    monkeypatch.setattr("videomae2.data.views.read.read_views", once_late)
    return late
