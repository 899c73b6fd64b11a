"""Crops of any area, shape and place."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.data.views.crops import (
    MAX_ATTEMPTS,
    CropConfig,
    build_crop_box,
    random_resized_box,
)

USUAL = CropConfig(kind="random-resized")
SQUARE = (224, 224)
few = settings(max_examples=100)
sides = st.integers(1, 700)
draws = st.lists(
    st.floats(0, 1, exclude_max=True), min_size=4 * MAX_ATTEMPTS, max_size=4 * MAX_ATTEMPTS
).map(np.array)  # fmt: skip


def released(height, width, uniform, area, ratio):
    """_get_param_spatial_crop of the released code, given its draws."""
    numbers = iter(uniform)
    for _ in range(10):
        target = (area[0] + (area[1] - area[0]) * next(numbers)) * height * width
        low, high = math.log(ratio[0]), math.log(ratio[1])
        aspect = math.exp(low + (high - low) * next(numbers))
        w, h = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
        row, col = next(numbers), next(numbers)
        if 0 < w <= width and 0 < h <= height:
            return int(row * (height - h + 1)), int(col * (width - w + 1)), h, w
    if width / height < min(ratio):
        w, h = width, round(width / min(ratio))
    elif width / height > max(ratio):
        w, h = round(height * max(ratio)), height
    else:
        w, h = width, height
    return (height - h) // 2, (width - w) // 2, h, w


@few
@given(sides, sides, draws)
def test_a_box_is_that_of_the_released_code(height, width, uniform):
    got = random_resized_box(height, width, SQUARE, uniform, USUAL)
    want = released(height, width, uniform, (0.08, 1.0), (3 / 4, 4 / 3))
    assert got == want or min(want[2:]) == 0  # it may give no pixel of a frame of one row


@few
@given(sides, sides, st.tuples(sides, sides), draws)
def test_boxes_lie_inside_the_frame(height, width, size, uniform):
    top, left, tall, wide = random_resized_box(height, width, size, uniform, USUAL)
    assert 0 <= top <= top + tall <= height
    assert 0 <= left <= left + wide <= width
    assert tall >= 1
    assert wide >= 1


def boxes(height, width, size=SQUARE, count=3000, config=USUAL):
    rng = np.random.default_rng(0)
    return np.array(
        [random_resized_box(height, width, size, rng.random(4 * MAX_ATTEMPTS), config)
         for _ in range(count)]
    )  # fmt: skip


def test_areas_shapes_and_places_spread_over_their_ranges():
    top, left, tall, wide = boxes(480, 640).T
    area, ratio = tall * wide / (480 * 640), wide / tall
    assert 0.079 < area.min() < 0.1
    assert area.max() > 0.95
    assert 0.74 < ratio.min() < 0.76
    assert 1.32 < ratio.max() < 1.35
    assert abs(np.mean(top / np.maximum(1, 480 - tall)) - 0.5) < 0.02
    assert abs(np.mean(left / np.maximum(1, 640 - wide)) - 0.5) < 0.02
    assert (top + tall).max() == 480
    assert (left + wide).max() == 640


def test_where_nothing_fits_the_largest_in_the_middle_is_taken():
    wide = CropConfig(kind="random-resized", scale=(1.0, 1.0))
    assert set(map(tuple, boxes(100, 400, count=20, config=wide))) == {(0, 133, 100, 133)}
    assert set(map(tuple, boxes(400, 100, count=20, config=wide))) == {(133, 0, 133, 100)}


def test_shapes_are_in_proportion_to_those_of_the_clip():
    _, _, tall, wide = boxes(400, 400, size=(100, 200)).T
    ratio = wide / tall
    assert 1.45 < ratio.min() < 1.55
    assert 2.6 < ratio.max() < 2.72


@pytest.mark.parametrize("kind", ["multi-scale", "random-resized", "center"])
def test_every_kind_draws_a_box(kind):
    uniform = np.random.default_rng(1).random(3 + 4 * MAX_ATTEMPTS)
    top, left, tall, wide = build_crop_box(90, 120, (64, 64), uniform, CropConfig(kind=kind))
    assert 0 <= top <= 90 - tall
    assert 0 <= left <= 120 - wide
