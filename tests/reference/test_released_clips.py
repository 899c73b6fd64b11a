"""The frames that clips show, against a plain restatement of the released code."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import released_clips as released
from videomae2.data.views import sampling

few = settings(max_examples=50)
LENGTHS = st.integers(1, 400)
FRAMES = st.integers(1, 20)
STRIDES = st.integers(1, 9)


@few
@given(LENGTHS, FRAMES, STRIDES, st.floats(0, 1, exclude_max=True))
def test_pretraining(num_frames, frames, stride, uniform):
    first = sampling.draw_first_frame(num_frames, frames * stride, uniform)
    got = sampling.pretrain_indices(num_frames, frames, stride, first=first)
    assert got.tolist() == released.pretrain_frames(num_frames, frames, stride, start=first)


@few
@given(LENGTHS, FRAMES, STRIDES)
def test_validation(num_frames, frames, stride):
    got = sampling.dense_indices(num_frames, frames, stride, uniform=None)
    assert got.tolist() == released.validation_frames(num_frames, frames, stride)


@few
@given(LENGTHS, FRAMES, STRIDES)
def test_windows_of_training(more, frames, stride):
    stop = frames * stride + more
    got = sampling.window_indices(frames, stride, stop=stop)
    assert got.tolist() == released.window_frames(frames, stride, stop=stop)


@few
@given(LENGTHS, FRAMES, STRIDES, st.integers(1, 7))
def test_clips_of_a_test(num_frames, frames, stride, clips):
    got = sampling.dense_clips(num_frames, frames, stride, clips=clips)
    assert got.tolist() == released.clips_of_a_test(num_frames, frames, stride, clips=clips)
