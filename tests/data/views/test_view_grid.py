"""Which frames and crops make the views of a video at test time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.data.views.crops import center_box, compute_cover_size, list_crop_boxes
from videomae2.data.views.requests import (
    find_unique_views,
    gather_frames,
    list_views,
)
from videomae2.data.views.sampling import (
    dense_clips,
    segment_clips,
    timed_clips,
    timed_indices,
)

few = settings(max_examples=80)
counts = st.integers(1, 400)
clip_lengths = st.integers(1, 20)
strides = st.integers(1, 8)
clip_counts = st.integers(1, 9)


def slow_dense(num_frames, frames, stride, clips):
    """The released code in lists: all frames of the stride, padded; slices of them."""
    every = list(range(0, num_frames, stride))
    while len(every) < frames:
        every.append(every[-1])
    step = max(1.0 * (len(every) - frames) / (clips - 1), 0)
    return [every[int(k * step) : int(k * step) + frames] for k in range(clips)]


def slow_segments(num_frames, frames, clips):
    tick, every = num_frames / float(frames), []
    for k in range(clips):
        every += [int(k * tick / clips + tick * x) for x in range(frames)]
    return [sorted(every)[k::clips] for k in range(clips)]


def slow_boxes(height, width, side, crops):
    """On frames whose short side is ``side``."""
    step = 1.0 * (max(height, width) - side) / (crops - 1)
    starts = [int(c * step) for c in range(crops)]
    if height >= width:
        return [(start, 0, side, side) for start in starts]
    return [(0, start, side, side) for start in starts]


# ---- frames


@few
@given(counts, clip_lengths, strides, st.integers(2, 12))
def test_dense_clips_are_those_of_the_released_code(num_frames, frames, stride, clips):
    got = dense_clips(num_frames, frames, stride, clips=clips)
    assert got.tolist() == slow_dense(num_frames, frames, stride, clips)
    assert got.dtype == np.int64


@few
@given(counts, clip_lengths, clip_counts)
def test_segment_clips_are_those_of_the_released_code(num_frames, frames, clips):
    got = segment_clips(num_frames, frames, clips=clips)
    assert got.tolist() == slow_segments(num_frames, frames, clips)
    assert got.dtype == np.int64


def test_one_dense_clip_comes_from_the_middle():
    assert dense_clips(100, 4, 10, clips=1).tolist() == [[30, 40, 50, 60]]
    assert dense_clips(3, 4, 10, clips=1).tolist() == [[0, 0, 0, 0]]


@few
@given(counts, clip_lengths, strides, clip_counts)
def test_every_clip_is_of_the_video_and_in_order(num_frames, frames, stride, clips):
    for got in (
        dense_clips(num_frames, frames, stride, clips=clips),
        segment_clips(num_frames, frames, clips=clips),
        timed_clips(np.arange(num_frames) / 25, frames, stride / 25, clips=clips),
    ):
        assert got.shape[1] == frames
        assert got.min() >= 0
        assert got.max() < num_frames
        assert (np.diff(got, axis=1) >= 0).all()
        assert (np.diff(got[:, 0]) >= 0).all()


def test_dense_clips_reach_both_ends_of_the_stride():
    got = dense_clips(301, 16, 4, clips=7)
    assert got[0, 0] == 0
    assert got[-1, -1] == 300


def test_timed_clips_are_dense_clips_where_the_rate_is_constant():
    seconds = np.arange(300) / 30
    got = timed_clips(seconds, 16, 4 / 30, clips=3)
    assert (np.diff(got) == 4).all()
    assert got[:, 0].tolist() == [0, 118, 236]
    middle = timed_clips(seconds, 16, 4 / 30, clips=1)
    assert middle[0].tolist() == timed_indices(seconds, 16, 4 / 30, 0.5).tolist()


# ---- one reading for all


@few
@given(counts, clip_lengths, strides, clip_counts)
def test_the_union_holds_each_frame_once_and_gives_every_clip_back(n, frames, stride, clips):
    clips = dense_clips(n, frames, stride, clips=clips)
    unique_frames, frame_index = gather_frames(clips)
    assert sorted(set(clips.ravel().tolist())) == unique_frames.tolist()
    assert frame_index.shape == clips.shape
    pictures = unique_frames * 10  # stands for what is decoded
    assert (pictures[frame_index] == clips * 10).all()


def test_five_dense_clips_decode_fewer_frames_than_they_show():
    unique_frames, frame_index = gather_frames(dense_clips(250, 16, 4, clips=5))
    assert frame_index.size == 80
    assert len(unique_frames) == 63


def test_views_are_numbered_clip_by_clip():
    assert list_views(2, 3) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


# ---- crops


@few
@given(st.integers(1, 600), st.integers(1, 600), st.integers(1, 300), st.integers(2, 9))
def test_boxes_on_covering_frames_are_those_of_the_released_code(height, width, side, crops):
    tall, wide = compute_cover_size(height, width, (side, side))
    if width < height:
        assert (tall, wide) == (int(side * height / width), side)
    else:
        assert (tall, wide) == (side, int(side * width / height))
    assert list_crop_boxes(tall, wide, (side, side), crops=crops) == slow_boxes(
        tall, wide, side, crops
    )


def test_boxes_by_hand():
    assert [box[1] for box in list_crop_boxes(224, 398, (224, 224), crops=3)] == [0, 87, 174]
    assert list_crop_boxes(224, 398, (224, 224), crops=1) == [center_box(224, 398, (224, 224))]
    assert list_crop_boxes(5, 2, (2, 2), crops=2) == [(0, 0, 2, 2), (3, 0, 2, 2)]
    assert list_crop_boxes(4, 4, (4, 4), crops=3) == [(0, 0, 4, 4)] * 3


@few
@given(st.integers(1, 600), st.integers(1, 600), st.integers(1, 99), st.integers(1, 99))
def test_covering_frames_fit_boxes_of_any_shape(height, width, rows, cols):
    size = (rows, cols)
    tall, wide = compute_cover_size(height, width, size)
    assert tall == rows or wide == cols
    boxes = list_crop_boxes(tall, wide, size, crops=3)
    assert boxes[0][:2] == (0, 0)
    assert (boxes[2][0] + rows, boxes[2][1] + cols) == (tall, wide)


# ---- what cannot be


def test_counts_below_one_are_refused():
    with pytest.raises(ValueError, match="clips is 0, wanted 1 or more"):
        dense_clips(10, 4, 1, clips=0)
    with pytest.raises(ValueError, match="num_frames is 0"):
        segment_clips(0, 4, clips=2)
    with pytest.raises(ValueError, match="crops is 0"):
        list_crop_boxes(9, 9, (3, 3), crops=0)


def test_a_box_larger_than_the_frame_is_refused():
    with pytest.raises(ValueError, match="a box of 9x9 does not fit a 8x20 frame"):
        list_crop_boxes(8, 20, (9, 9), crops=3)


def test_views_that_differ_stand_in_the_order_of_the_grid():
    boxes = [(0, 0, 8, 8), (0, 5, 8, 8)]
    numbers, inverse = find_unique_views(np.array([[4, 5], [0, 1], [4, 5]]), boxes)
    assert numbers == [0, 1, 2, 3]
    assert inverse.tolist() == [0, 1, 2, 3, 0, 1]
