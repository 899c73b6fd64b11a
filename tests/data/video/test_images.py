import os
import struct

import numpy as np
import pytest
from PIL import Image

from tests.helpers.videos import number_of, numbered, save_wide
from videomae2.data.video.reader import ReadLimits, open_reader
from videomae2.errors import VideoError

NAME = "img_{:05}.jpg"


@pytest.fixture
def folder(tmp_path):
    for number in range(1, 13):
        Image.fromarray(numbered(number)).save(tmp_path / NAME.format(number), quality=95)
    return tmp_path


def test_a_template_counts_from_the_number_in_the_first_name(folder):
    with open_reader(folder, frame_name=NAME, first=3) as reader:
        assert reader.num_frames == 10
        assert reader.seconds is None
        frames = reader.read([9, 0, 0, 4])
    assert [number_of(frame) for frame in frames] == [12, 3, 3, 7]
    assert frames.shape == (4, 48, 64, 3)
    assert frames.dtype == np.uint8


def test_a_frame_rate_gives_folders_and_arrays_a_clock(folder, tmp_path):
    with open_reader(folder, frame_name=NAME, first=3, frames=3, frame_rate=12.5) as reader:
        np.testing.assert_allclose(reader.seconds, [0, 0.08, 0.16])
    np.save(tmp_path / "clip.npy", np.zeros((9, 4, 4, 3), np.uint8))
    for first in (0, 4):
        reader = open_reader(tmp_path / "clip.npy", first=first, frame_rate=30.0)
        np.testing.assert_allclose(reader.seconds, np.arange(9 - first) / 30)


def test_frames_are_what_pillow_decodes(folder):
    frame = open_reader(folder, frame_name=NAME, first=5, frames=1).read([0])[0]
    with Image.open(folder / NAME.format(5)) as image:
        np.testing.assert_array_equal(frame, np.asarray(image.convert("RGB")))


def test_gray_frames_have_one_channel(folder):
    frames = open_reader(folder, pixels="gray", frame_name=NAME, first=1).read([6])
    assert frames.shape == (1, 48, 64, 1)
    assert number_of(frames[0]) == 7


def test_without_a_template_images_are_ordered_by_number(tmp_path):
    for number in (1, 2, 10, 11):
        Image.fromarray(numbered(number)).save(tmp_path / f"frame{number}.png")
    (tmp_path / "notes.txt").write_text("no image")
    assert [number_of(f) for f in open_reader(tmp_path).read([0, 1, 2, 3])] == [1, 2, 10, 11]
    with open_reader(tmp_path, first=1, frames=2) as reader:
        assert [number_of(frame) for frame in reader.read([0, 1])] == [2, 10]
    with pytest.raises(VideoError, match="5 frames from 0 were asked for, it has 4 frames"):
        open_reader(tmp_path, frames=5)


def test_shrunk_frames_keep_their_aspect(folder):
    frames = open_reader(
        folder, frame_name=NAME, first=1, limits=ReadLimits(max_short_side=24)
    ).read([4])
    assert frames.shape == (1, 24, 32, 3)
    assert number_of(frames[0]) == 5


def test_a_missing_frame_is_named(folder):
    with pytest.raises(VideoError, match=r"img_00000\.jpg: this frame is missing; there are img_0"):
        open_reader(folder, frame_name=NAME)
    (folder / NAME.format(6)).unlink()
    with pytest.raises(VideoError, match=r"img_00006\.jpg: this frame is missing"):
        open_reader(folder, frame_name=NAME, first=1, frames=12)
    with open_reader(folder, frame_name=NAME, first=1) as reader:  # no count, so gaps are none
        assert [number_of(f) for f in reader.read([4, 5])] == [5, 7]
    reader = open_reader(folder, frame_name=NAME, first=7)
    (folder / NAME.format(8)).unlink()
    with pytest.raises(VideoError, match=r"img_00008\.jpg: this frame is missing"):
        reader.read([1])


def test_images_that_cannot_be_read_are_named(folder):
    (folder / NAME.format(2)).write_bytes((folder / NAME.format(2)).read_bytes()[:300])
    (folder / NAME.format(3)).write_text("no image")
    Image.fromarray(numbered(4, 32, 32)).save(folder / NAME.format(4))
    with open_reader(folder, frame_name=NAME, first=1) as reader:
        for index in (1, 2):
            with pytest.raises(VideoError, match=rf"img_0000{index + 1}\.jpg: this image cannot"):
                reader.read([index])
        with pytest.raises(VideoError, match=r"it is 32x32, while img_00001\.jpg is 64x48"):
            reader.read([0, 3])


def test_sixteen_bit_images_keep_their_high_bits(tmp_path):
    wide = numbered(9)[:, :, 0].astype(np.uint16) << 8
    Image.fromarray(wide).save(tmp_path / "a1.png")
    np.testing.assert_array_equal(open_reader(tmp_path).read([0])[0, :, :, 0], wide >> 8)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["png", "tif", "npy"])
def test_the_bits_that_are_used_are_found_or_given(tmp_path, kind, bits):
    path = save_wide(tmp_path, kind, bits)
    grey = np.stack([numbered(n)[:, :, 0] for n in range(12)]).astype(int)
    for given in (None, bits):
        frames = open_reader(path, pixels="gray", bits=given).read(range(12))
        assert np.abs(frames[..., 0] - grey).max() <= 1
    if bits < 16:
        assert open_reader(path, bits=16).read([3]).max() < 128


def test_bad_templates_and_folders_are_refused(folder, tmp_path_factory):
    with pytest.raises(VideoError, match="wanted one place for the number"):
        open_reader(folder, frame_name="img_{:05}_{:02}.jpg")
    with pytest.raises(VideoError, match="wanted one place for the number"):
        open_reader(folder, frame_name="img.jpg")
    with pytest.raises(VideoError, match="the folder has no images"):
        open_reader(tmp_path_factory.mktemp("nothing"))


def test_limits_hold_for_folders(folder):
    with pytest.raises(VideoError, match="limit of 5 frames"):
        open_reader(folder, limits=ReadLimits(max_frames=5))
    with pytest.raises(VideoError, match="limit of 1000 pixels"):
        open_reader(folder, limits=ReadLimits(max_pixels=1000)).read([0])
    with pytest.raises(VideoError, match=r"12 frames of 64x48 .* limit of 50000 bytes"):
        open_reader(folder, limits=ReadLimits(max_bytes=50_000)).read(list(range(12)))
    with pytest.raises(VideoError, match="longer than the limit"):
        open_reader(folder, limits=ReadLimits(timeout_seconds=0.0)).read([0])


def test_an_array_gives_its_frames_with_any_channels(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (9, 20, 30, 5), np.uint8)
    np.save(tmp_path / "clip.npy", array)
    with open_reader(tmp_path / "clip.npy") as reader:
        assert reader.num_frames == 9
        frames = reader.read([8, 0, 0])
        assert type(frames) is np.ndarray
        np.testing.assert_array_equal(frames, array[[8, 0, 0]])
    with open_reader(tmp_path / "clip.npy", first=4, frames=3) as reader:
        np.testing.assert_array_equal(reader.read([2]), array[[6]])
        assert reader.seconds is None
    with open_reader(tmp_path / "clip.npy", limits=ReadLimits(max_short_side=10)) as reader:
        assert reader.read([1, 2]).shape == (2, 10, 15, 5)


def test_arrays_of_another_kind_are_refused(tmp_path):
    np.save(tmp_path / "float.npy", np.zeros((2, 4, 4, 3), np.float32))
    with pytest.raises(VideoError, match=r"holds float32 \[2, 4, 4, 3\], wanted uint8"):
        open_reader(tmp_path / "float.npy")
    np.save(tmp_path / "cut.npy", np.zeros((9, 40, 40, 3), np.uint8))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:5000])
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(VideoError, match="holds object"):
        open_reader(tmp_path / "objects.npy")
    for name in ("cut.npy", "text.npy"):
        with pytest.raises(VideoError, match=r"it is no whole \.npy file"):
            open_reader(tmp_path / name)


def write_npy(path, header, body=b""):
    text = header.encode()
    text += b" " * ((64 - (10 + len(text) + 1) % 64) % 64) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body)
    return path


HEADERS = [
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 10, 10, 3), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (10**30, 10, 10, 3), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 10, 10, 3), }",
    "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 4, 4, 3), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (0, 10, 10, 3), }",
    "{'descr': [('a', 'u1')], 'fortran_order': False, 'shape': (1, 2, 2, 3), }",
    "(" * 5000 + ")" * 5000,
    "__import__('os').system('true')",
    "",
]


@pytest.mark.parametrize("header", HEADERS)
def test_a_lying_header_is_one_sentence(tmp_path, header):
    path = write_npy(tmp_path / "a.npy", header, bytes(3000))
    with pytest.raises(VideoError) as caught:
        open_reader(path).read([0])
    assert "\n" not in caught.value.reason
    assert "pickle" not in caught.value.reason


def test_an_array_that_is_cut_while_it_is_open_is_an_error(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((200, 20, 20, 3), np.uint8))
    with open_reader(tmp_path / "a.npy") as reader:
        reader.read([0])
        os.truncate(tmp_path / "a.npy", 5000)
        with pytest.raises(VideoError, match="ends before frame 150"):
            reader.read([150])


def test_grey_arrays_are_grey_videos(tmp_path):
    values = np.arange(3 * 6 * 8, dtype=np.uint8).reshape(3, 6, 8)
    np.save(tmp_path / "a.npy", values)
    assert (
        open_reader(tmp_path / "a.npy").read([2]).tolist()
        == values[[2], ..., None].repeat(3, 3).tolist()
    )
    assert open_reader(tmp_path / "a.npy", pixels="gray").read([2]).shape == (1, 6, 8, 1)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((4, 3, 16, 16), r"\[frames, channels, height, width\]; save it with the channels last"),
        ((8, 1, 20, 30), r"\[frames, channels, height, width\]; save it with the channels last"),
        ((3, 8, 20, 30), r"\[channels, frames, height, width\]; save it with the channels last"),
        ((1, 8, 20, 30), r"\[channels, frames, height, width\]; save it with the channels last"),
        ((20, 30, 3), r"one picture \[height, width, channels\]"),
        ((20, 30, 4), r"one picture \[height, width, channels\]"),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_other_orders_of_axes_are_noticed(tmp_path, shape, said, dtype):
    np.save(tmp_path / "a.npy", np.zeros(shape, dtype))
    with pytest.raises(VideoError, match=said):
        open_reader(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(3, 20, 30, 5), (1, 16, 16, 12), (9, 3, 4, 3), (9, 20, 30)])
def test_few_frames_and_many_channels_are_a_video(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    assert open_reader(tmp_path / "a.npy").num_frames == shape[0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_images_of_any_number_of_channels_are_read(tmp_path, mode):
    ending = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    Image.new("RGB", (16, 12), (200, 200, 200)).convert(mode).save(tmp_path / f"1.{ending}")
    for pixels, channels in (("rgb", 3), ("gray", 1)):
        assert open_reader(tmp_path, pixels=pixels).read([0]).shape == (1, 12, 16, channels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_their_exif_says(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(numbered(3)).save(tmp_path / "1.png", exif=exif)
    height, width = open_reader(tmp_path).read([0]).shape[1:3]
    assert (height, width) == ((48, 64) if orientation < 5 else (64, 48))
