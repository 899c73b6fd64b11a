"""Videos that cannot be read: listed with their reason, left out, and not too many of them."""

import json
import os
from pathlib import Path

from videomae2.errors import UnreadableShareError, VideoError

FILE_NAME = "unreadable.jsonl"


class Quarantine:
    """The unreadable videos of a run, kept in its folder."""

    def __init__(self, folder: Path | None, *, videos: int, max_share: float) -> None:
        """Open the list.

        Args:
            folder: The run folder; None keeps the list in memory only.
            videos: Different videos of the run.
            max_share: Share of them that may be unreadable.
        """
        self.path = folder / FILE_NAME if folder else None
        self.videos = videos
        self.max_share = max_share
        self.reasons: dict[str, str] = {}
        self._unwritten: list[str] = []
        self._read()

    def __contains__(self, path: str) -> bool:
        return path in self.reasons

    def add(self, video: str, error: VideoError) -> None:
        """List a video under the path that its list gives it, by which it is looked up.

        Args:
            video: The path.
            error: Why it cannot be read; its own path may be that of one image of a frame folder,
                which then stands in the reason.

        Raises:
            UnreadableShareError: If that makes too many.
        """
        if video in self.reasons:
            return
        inside = "" if error.path == video else f"{os.path.relpath(error.path, video)}: "
        self.reasons[video] = inside + error.reason
        self._unwritten.append(json.dumps({"path": video, "reason": self.reasons[video]}) + "\n")
        self._write()
        self.check()

    def check(self) -> None:
        """Raise UnreadableShareError if too many videos are listed."""
        share = len(self.reasons) / max(1, self.videos)
        if share > self.max_share:
            examples = "; ".join(f"{p}: {r}" for p, r in list(self.reasons.items())[:3])
            where = f", all listed in {self.path}" if self.path else ""
            raise UnreadableShareError(
                f"{len(self.reasons)} of {self.videos} videos cannot be read, more than "
                f"--data.max-unreadable-share {self.max_share:g}{where}; for example {examples}"
            )

    def _read(self) -> None:
        if self.path is None or not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # cut off by a kill; the video will be met again
                continue
            self.reasons[entry["path"]] = entry["reason"]

    def _write(self) -> None:
        """Append what is new; on a full disk it waits for the next time."""
        if self.path is None:
            return
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(self._unwritten)
        except OSError:
            return
        self._unwritten.clear()
