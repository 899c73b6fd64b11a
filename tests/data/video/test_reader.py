import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.videos import encode
from videomae2.data.video.reader import (
    Deadline,
    Reader,
    ReadLimits,
    compute_shrunk_size,
    open_reader,
)
from videomae2.errors import VideoError


def test_every_kind_is_a_reader(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 4, 4, 3), np.uint8))
    video = encode(tmp_path / "a.mp4", frames=3)
    for reader in (
        open_reader(tmp_path / "a.npy"),
        open_reader(video),
        open_reader(video, first=1),
    ):
        assert isinstance(reader, Reader)
        reader.close()


def test_what_is_neither_file_nor_folder_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")  # nobody writes into it: opening it would wait for ever
    for path in (tmp_path / "pipe.mp4", "/dev/zero"):
        with pytest.raises(VideoError, match="a pipe, socket or device, wanted a file or a folder"):
            open_reader(path)


def test_missing_and_forbidden_names_are_refused(tmp_path):
    with pytest.raises(VideoError, match="there is no such file or folder"):
        open_reader(tmp_path / "missing.mp4")
    with pytest.raises(VideoError, match="it cannot be opened"):
        open_reader("a\0b.mp4")
    with pytest.raises(VideoError, match="it cannot be opened: file name too long"):
        open_reader("a" * 5000)


def test_a_template_needs_a_folder(tmp_path):
    with pytest.raises(VideoError, match="needs a folder, and this is a file"):
        open_reader(encode(tmp_path / "a.mp4", frames=3), frame_name="{}.jpg")


def test_indices_out_of_range_are_named(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 4, 4, 3), np.uint8))
    with open_reader(tmp_path / "a.npy") as reader:
        for index in (-1, 3):
            with pytest.raises(VideoError, match=rf"frame {index} was asked for, .* 0\.\.2"):
                reader.read([0, index])
    for first, frames in ((-1, None), (0, 0), (2, 2), (3, None)):
        with pytest.raises(VideoError, match="were asked for, it has 3 frames"):
            open_reader(tmp_path / "a.npy", first=first, frames=frames)


def test_errors_travel_between_processes():
    error = Deadline("a.mp4", 30.0).build_error()
    again = pickle.loads(pickle.dumps(error))
    assert (again.path, again.reason) == ("a.mp4", "reading took longer than the limit of 30 s")


@pytest.mark.parametrize(
    ("size", "side", "small"),
    [
        ((240, 320), None, (240, 320)),
        ((240, 320), 240, (240, 320)),
        ((240, 320), 120, (120, 160)),
        ((1920, 1080), 256, (455, 256)),
        ((3, 4000), 1, (1, 1333)),
    ],
)
def test_the_short_side_is_shrunk(size, side, small):
    assert compute_shrunk_size(size, side) == small


def test_reading_imports_neither_torch_nor_what_it_does_not_need():
    code = (
        "import sys; from videomae2.data.video.reader import open_reader\n"
        "assert not {'torch', 'av', 'PIL'} & set(sys.modules)\n"
        "import videomae2.data.video.pyav_reader, videomae2.data.video.images\n"
        "assert not {'torch', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_limits_are_a_value():
    assert ReadLimits() == ReadLimits(timeout_seconds=30.0, max_short_side=None)
