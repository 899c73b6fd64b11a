"""Which part of the frames a view shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.data.views.crops import (
    SNAP_PIXELS,
    center_box,
    list_crop_offsets,
    list_multi_scale_sizes,
    multi_scale_box,
)

few = settings(max_examples=100)
sides = st.integers(1, 700)
wanted = st.tuples(*(st.sampled_from([16, 112, 224, 320]),) * 2)
draws = st.tuples(*(st.floats(0, 1, exclude_max=True),) * 2)


@few
@given(sides, sides, wanted, draws)
def test_boxes_lie_inside_the_frame(height, width, size, uniform):
    for box in (
        multi_scale_box(height, width, size, np.array(uniform)),
        center_box(height, width, size),
    ):
        top, left, tall, wide = box
        assert top >= 0
        assert left >= 0
        assert tall >= 1
        assert wide >= 1
        assert top + tall <= height
        assert left + wide <= width
        assert all(isinstance(number, int) for number in box)


def test_the_ten_sizes_of_a_320_by_240_frame():
    sizes = list_multi_scale_sizes(240, 320, (224, 224))
    assert sizes == [
        (240, 240), (240, 210), (210, 240), (210, 210), (210, 180), (180, 210), (180, 180),
        (180, 158), (158, 180), (158, 158),
    ]  # fmt: skip


def test_sides_near_the_wanted_size_become_it():
    assert list_multi_scale_sizes(256, 340, (224, 224))[3] == (224, 224)  # 0.875 * 256, exactly
    for short in range(250, 262):
        side = list_multi_scale_sizes(short, 400, (224, 224))[3][0]
        exact = int(short * 0.875)
        assert side == (224 if abs(exact - 224) < SNAP_PIXELS else exact)


def test_a_snapped_side_never_leaves_the_frame():
    for uniform in np.random.default_rng(0).random((200, 2)):
        top, left, tall, wide = multi_scale_box(222, 300, (224, 224), uniform)
        assert top + tall <= 222
        assert left + wide <= 300


def test_the_thirteen_places():
    places = list_crop_offsets(100, 200, (60, 120))
    assert len(set(places)) == 13
    assert set(places) == (
        {(t, w) for t in (0, 20, 40) for w in (0, 40, 80)}
        | {(t, w) for t in (10, 30) for w in (20, 60)}
    )


def test_all_sizes_and_places_are_drawn_alike():
    rng = np.random.default_rng(0)
    boxes = [multi_scale_box(256, 340, (224, 224), rng.random(2)) for _ in range(13000)]
    sizes, counts = np.unique([box[2:] for box in boxes], axis=0, return_counts=True)
    assert len(sizes) == 10
    assert counts.min() > 1100
    assert counts.max() < 1500
    places = np.unique([box for box in boxes], axis=0)
    assert 100 < len(places) <= 130  # some places of the largest crop are the same


@few
@given(st.integers(64, 700), st.integers(64, 700), wanted)
def test_crops_of_other_shapes_keep_nearly_their_shape(height, width, size):
    tall, wide = center_box(height, width, size)[2:]
    assert tall == height or wide == width  # the largest
    assert abs(tall * size[1] - wide * size[0]) <= max(size)  # to the pixel
    largest = list_multi_scale_sizes(height, width, size)[0]
    assert abs(largest[0] - tall) < SNAP_PIXELS
    assert abs(largest[1] - wide) < SNAP_PIXELS


@pytest.mark.parametrize(
    ("frame", "size", "box"),
    [((256, 340), (224, 224), (0, 42, 256, 256)), ((340, 256), (224, 224), (42, 0, 256, 256)),
     ((100, 100), (50, 100), (25, 0, 50, 100)), ((7, 7), (224, 224), (0, 0, 7, 7))],
)  # fmt: skip
def test_the_centre_box(frame, size, box):
    assert center_box(*frame, size) == box
