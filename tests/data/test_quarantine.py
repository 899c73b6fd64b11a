import json

import pytest

from videomae2.data.quarantine import Quarantine
from videomae2.errors import UnreadableShareError, VideoError


def test_each_video_is_listed_once_with_its_reason(tmp_path):
    listed = Quarantine(tmp_path, videos=10, max_share=0.5)
    for _ in range(2):
        listed.add("a b.mp4", VideoError("a b.mp4", "it is empty"))
    lines = (tmp_path / "unreadable.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"path": "a b.mp4", "reason": "it is empty"}]
    assert "a b.mp4" in listed


def test_a_folder_of_frames_is_listed_once_whichever_image_is_broken(tmp_path):
    listed = Quarantine(tmp_path, videos=10, max_share=0.15)
    for image in ("img_2.jpg", "img_7.jpg"):
        listed.add("set/walk", VideoError(f"set/walk/{image}", "it is cut off"))
    assert listed.reasons == {"set/walk": "img_2.jpg: it is cut off"}
    assert "set/walk" in Quarantine(tmp_path, videos=10, max_share=0.15)


def test_a_run_that_goes_on_remembers(tmp_path):
    Quarantine(tmp_path, videos=10, max_share=0.5).add("x", VideoError("x", "hangs"))
    with (tmp_path / "unreadable.jsonl").open("a") as file:
        file.write('{"path": "y", "rea')  # killed while writing
    again = Quarantine(tmp_path, videos=10, max_share=0.5)
    assert "x" in again
    assert "y" not in again


def test_too_large_a_share_stops_the_run(tmp_path):
    listed = Quarantine(tmp_path, videos=20, max_share=0.05)
    listed.add("a", VideoError("a", "broken"))
    with pytest.raises(
        UnreadableShareError, match=r"2 of 20 videos .*max-unreadable-share 0.05.*a: broken"
    ):
        listed.add("b", VideoError("b", "cut off"))
