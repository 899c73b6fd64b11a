"""What rows show, and what captions say."""

from dataclasses import replace

import numpy as np
import pytest

from videomae2.reports.image_canvas import select_frame_numbers, to_rgb
from videomae2.reports.reconstruction import (
    MASK_COLOR,
    ROWS,
    ReconstructedClip,
    format_decoder,
    format_loss,
    format_statistics,
    format_title,
    render_row,
)
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.tensors.grid import Cubes

CUBES = Cubes(frames=4, height=16, width=24, tubelet_size=2, patch_size=8, channels=3)
PAINTED = np.array(MASK_COLOR, dtype=np.uint8)


def reconstruction(**changed):
    rng = np.random.default_rng(0)
    shape = (CUBES.frames, CUBES.height, CUBES.width, 3)
    kind = rng.permutation(np.repeat(np.arange(4), 3))  # visible, share, other pass, neither
    known = {
        "video": "moves/left.mp4",
        "model": "tiny, step 7",
        "masking": MaskingConfig(),
        "cubes": CUBES,
        "indices": np.arange(4) * 3,
        "seconds": np.arange(4) / 10,
        "original": rng.integers(100, 256, shape, dtype=np.uint8),
        "reconstructed": rng.integers(100, 256, shape, dtype=np.uint8),
        "oracle_stats": rng.integers(100, 256, shape, dtype=np.uint8),
        "visible": kind == 0,
        "predicted": (kind == 1) | (kind == 2),
        "first_pass": kind == 1,
        "loss": 0.25,
        "baseline": 0.998,
        "statistics": "visible",
        "num_passes": 2,
        "all_hidden": False,
    }
    return ReconstructedClip(**known | changed)


def cube(pictures, token):
    """The pixels of one cube."""
    time, row, col = np.unravel_index(token, CUBES.grid)
    rows, cols = slice(row * 8, row * 8 + 8), slice(col * 8, col * 8 + 8)
    return pictures[time * 2 : time * 2 + 2, rows, cols]


@pytest.mark.parametrize("row", [*ROWS, "oracle_stats"])
def test_a_row_shows_its_cubes_to_the_bit_and_paints_exactly_the_others(row):
    shown = reconstruction()
    seen = {
        "original": np.ones(CUBES.tokens, dtype=bool),
        "hidden": shown.visible,
        "reconstructed": shown.visible | shown.predicted,
        "oracle_stats": shown.visible | shown.predicted,
        "first_pass": shown.first_pass,
    }[row]
    source = shown.original if row in ("original", "hidden") else shown.reconstructed
    source = shown.oracle_stats if row == "oracle_stats" else source
    pictures = render_row(shown, row, range(4))
    for token in range(CUBES.tokens):
        want = cube(source, token) if seen[token] else PAINTED
        assert (cube(pictures, token) == want).all()


def test_enlarging_keeps_painted_cubes_sharp():
    shown = reconstruction()
    large = render_row(shown, "hidden", [0, 3], scale=3)
    small = render_row(shown, "hidden", [0, 3])
    painted = (small == PAINTED).all(axis=3)
    assert large.shape == (2, 48, 72, 3)
    np.testing.assert_array_equal(
        (large == PAINTED).all(axis=3), painted.repeat(3, axis=1).repeat(3, axis=2)
    )


def test_frames_are_at_equal_distances():
    assert select_frame_numbers(8, 16) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert select_frame_numbers(3, 4) == [0, 1, 2]
    assert select_frame_numbers(1, 4) == [0]


@pytest.mark.parametrize(("channels", "same"), [(1, [0, 0, 0]), (2, [0, 0, 0]), (5, [0, 1, 2])])
def test_other_channels_become_three(channels, same):
    frame = np.random.default_rng(0).integers(0, 256, (4, 4, channels), dtype=np.uint8)
    np.testing.assert_array_equal(to_rgb(frame), frame[:, :, same])


def test_the_caption_names_the_statistics():
    assert "TRUE mean and contrast, which the model does not know" in format_statistics(
        reconstruction(statistics="target")
    )
    estimated = format_statistics(reconstruction(statistics="visible"))
    assert "estimated from the visible cubes around" in estimated
    assert "Nothing hidden is used" in estimated
    assert "plain pixels" in format_statistics(reconstruction(statistics=None))


def test_the_caption_says_how_the_decoder_was_asked():
    shown = reconstruction()
    assert format_decoder(shown) == (
        "As in training, the decoder predicts 3 of the 9 hidden cubes at a time: its share. "
        "'Rebuilt' joins 2 such passes."
    )
    assert "all 9 hidden cubes at once, where training asks for a part" in format_decoder(
        replace(shown, all_hidden=True)
    )
    v1 = replace(shown, masking=MaskingConfig(decoder="none"))
    assert format_decoder(v1).endswith("all 9 hidden cubes at once, as in training.")


def test_the_title_has_the_facts():
    said = f"{format_title(reconstruction())} {format_loss(reconstruction())}"
    for fact in ("tiny, step 7", "75% of the cubes hidden", "in tubes", "0.250", "0.998"):
        assert fact in said
