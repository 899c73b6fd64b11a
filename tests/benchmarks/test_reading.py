"""The program that measures reading, small."""

import json

import pytest

from videomae2.data.synthetic.textured_videos import HEIGHT, KEY_FRAME_EVERY, WIDTH

pytestmark = pytest.mark.usefixtures("programs")


def test_readers_agree_and_take_turns(capsys):
    import reading

    words = ["--synthetic-videos", "1", "--synthetic-frames", "90", "--clips", "3", "--rounds", "2"]
    assert reading.main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [len(rates) for rates in found.values()] == [2, 2, 2]
    assert all(rate > 0 for rates in found.values() for rate in rates)


def test_natural_videos_are_encoded_again_and_read(tmp_path, capsys):
    import av
    import natural_videos
    import reading

    from videomae2.data.synthetic.textured_videos import write_synthetic_videos

    (tmp_path / "old").mkdir()
    write_synthetic_videos(tmp_path / "old", count=2, frames=40, seed=1)
    words = [str(tmp_path / "old"), str(tmp_path / "new"), "--count", "1"]
    assert natural_videos.main(words) == 0
    assert capsys.readouterr().out.startswith(f"1 videos in {tmp_path}/new: ")
    (path,) = (tmp_path / "new").iterdir()
    with av.open(str(path)) as box:
        stream = box.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (WIDTH, HEIGHT, 40)
        keys = [packet.is_keyframe for packet in box.demux(stream) if packet.size]
    assert [number for number, key in enumerate(keys) if key] == [0, KEY_FRAME_EVERY, 32]
    words = ["--videos", str(tmp_path / "new"), "--clips", "1", "--rounds", "1"]
    assert reading.main(words) == 0
    assert "1 videos of" in capsys.readouterr().out


def test_an_empty_folder_is_said(tmp_path):
    import natural_videos
    import reading

    with pytest.raises(SystemExit, match=r"holds no \.mp4 files"):
        natural_videos.main([str(tmp_path), str(tmp_path / "new")])
    with pytest.raises(SystemExit, match=r"holds no \.mp4 files"):
        reading.main(["--videos", str(tmp_path)])
