"""Clips as grids of cubes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.tensors import grid
from videomae2.tensors.grid import Cubes


@st.composite
def clips_and_cubes(draw):
    tubelet, patch, channels = (draw(st.integers(1, 3)) for _ in range(3))
    time, row, col, batch = (draw(st.integers(1, 4)) for _ in range(4))
    cubes = Cubes(
        frames=time * tubelet,
        height=row * patch,
        width=col * patch,
        tubelet_size=tubelet,
        patch_size=patch,
        channels=channels,
    )
    shape = (batch, cubes.frames, cubes.height, cubes.width, channels)
    seed = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=seed), cubes


few = settings(max_examples=40)


@few
@given(clips_and_cubes())
def test_join_undoes_split(both):
    clips, cubes = both
    values = grid.split(clips, cubes)
    assert values.shape == (len(clips), cubes.tokens, cubes.values)
    assert torch.equal(grid.join(values, cubes), clips)


@few
@given(clips_and_cubes(), st.data())
def test_gather_is_split_and_take(both, data):
    clips, cubes = both
    picked = data.draw(st.integers(1, 2 * cubes.tokens))  # a cube may be picked twice
    index = torch.randint(0, cubes.tokens, (len(clips), picked))
    got = grid.gather(clips, index, cubes)
    assert got.dtype == torch.uint8
    assert torch.equal(got, grid.take(grid.split(clips, cubes), index))


def test_values_stand_in_the_order_frame_row_column_channel():
    clips = torch.arange(2 * 4 * 6 * 3).reshape(1, 2, 4, 6, 3)
    cubes = Cubes(frames=2, height=4, width=6, tubelet_size=2, patch_size=2, channels=3)
    want = [
        clips[0, frame, 2 + row, 4 + col, channel].item()
        for frame in range(2)
        for row in range(2)
        for col in range(2)
        for channel in range(3)
    ]
    assert grid.split(clips, cubes)[0, 1 * 3 + 2].tolist() == want  # row 1, col 2 of 2x3 cells
    assert cubes.grid == (1, 2, 3)


def test_tokens_are_counted_time_first_then_row_then_column():
    clips = torch.arange(4 * 2 * 3).reshape(1, 4, 2, 3, 1)
    cubes = Cubes(frames=4, height=2, width=3, tubelet_size=1, patch_size=1, channels=1)
    assert grid.split(clips, cubes).flatten().tolist() == list(range(24))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"frames": 15}, "frames=15 does not split into cubes of 2; 16 would work"),
        ({"height": 220}, "height=220 does not split into cubes of 16; 224 would work"),
        ({"width": 5}, "width=5 does not split into cubes of 16; 16 would work"),
        ({"frames": 0}, "frames=0 does not split into cubes of 2; 2 would work"),
        ({"patch_size": 0}, "side of 1 or more along height, got 0"),
        ({"tubelet_size": -2}, "side of 1 or more along frames, got -2"),
    ],
)
def test_sizes_that_do_not_split_say_what_would(changed, message):
    sizes = {
        "frames": 16,
        "height": 224,
        "width": 224,
        "tubelet_size": 2,
        "patch_size": 16,
        "channels": 3,
    }
    with pytest.raises(ValueError, match=message):
        Cubes(**sizes | changed)


def test_clips_of_another_size_are_refused():
    cubes = Cubes(frames=2, height=4, width=4, tubelet_size=2, patch_size=2, channels=3)
    clips = torch.zeros(1, 2, 4, 6, 3)
    for function in (grid.split, lambda c, s: grid.gather(c, torch.zeros(1, 1).long(), s)):
        with pytest.raises(ValueError, match=r"clips are \(2, 4, 6, 3\), want \(2, 4, 4, 3\)"):
            function(clips, cubes)
