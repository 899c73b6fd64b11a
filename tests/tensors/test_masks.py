"""Which cubes are hidden and dropped: counts, shapes, independence, and one draw per clip."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.tensors import masks
from videomae2.tensors.rng import make_key, to_int64

P16, P14 = (8, 14, 14), (8, 16, 16)
few = settings(max_examples=40)
grids = st.tuples(*(st.integers(2, 10) for _ in range(3)))
even_grids = st.tuples(st.integers(1, 10), *(st.integers(1, 5).map(lambda n: 2 * n),) * 2)
ratios = st.floats(0.5, 0.99)
seeds = st.integers(0, 2**32)


def _keys(seed, count):
    return torch.tensor([to_int64(make_key(seed, n)) for n in range(count)])


def _cells(masked, shape):
    return masked.unflatten(1, (shape[0], shape[1] * shape[2]))


# ---- counts and shapes


@few
@given(st.sampled_from(["tube", "random", "frame"]), grids, ratios, seeds)
def test_every_clip_hides_the_announced_count(kind, shape, ratio, seed):
    count = masks.count_hidden(kind, shape, ratio)
    hidden = masks.hide(kind, shape, ratio, batch=5, rng=_keys(seed, 5))
    assert hidden.shape == (5, math.prod(shape))
    assert (hidden.sum(dim=1) == count).all()


@few
@given(st.sampled_from(["running-cell", "random", "frame"]), even_grids, ratios, seeds)
def test_every_clip_drops_the_announced_count(kind, shape, ratio, seed):
    if kind == "frame" and shape[0] == 1:
        return
    count = masks.count_dropped(kind, shape, ratio)
    dropped = masks.drop(kind, shape, ratio, batch=5, rng=_keys(seed, 5))
    assert dropped.shape == (5, math.prod(shape))
    assert (dropped.sum(dim=1) == count).all()


@few
@given(grids, ratios, seeds)
def test_tubes_hide_the_same_cells_at_every_time(shape, ratio, seed):
    hidden = masks.hide("tube", shape, ratio, batch=4, rng=_keys(seed, 4))
    cells = _cells(hidden, shape)
    assert torch.equal(cells, cells[:, :1].expand_as(cells))


@few
@given(grids, ratios, seeds)
def test_frames_are_hidden_whole(shape, ratio, seed):
    hidden = masks.hide("frame", shape, ratio, batch=4, rng=_keys(seed, 4))
    cells = _cells(hidden, shape)
    assert torch.equal(cells, cells[:, :, :1].expand_as(cells))


@pytest.mark.parametrize(
    ("shape", "hidden", "decoded", "scored"), [(P16, 1408, 784, 704), (P14, 1840, 1024, 920)]
)
def test_released_counts(shape, hidden, decoded, scored):
    tokens = math.prod(shape)
    assert masks.count_hidden("tube", shape, 0.9) == hidden
    assert tokens - masks.count_dropped("running-cell", shape, 0.5) == decoded
    assert masks.count_loss_tokens("tube", 0.9, "running-cell", 0.5, shape) == scored
    assert masks.count_loss_tokens("tube", 0.9, "none", 0.5, shape) == hidden


# ---- running cells


def _unit(masked, shape, slot):
    cell = _cells(masked, shape)[0, slot].view(shape[1:])[:2, :2].int().tolist()
    return "/".join("".join(str(n) for n in row) for row in cell)


@pytest.mark.parametrize(
    ("ratio", "units"),
    [
        (0.25, ["00/01", "00/10", "01/00", "10/00"]),
        (0.50, ["10/01", "00/11", "01/10", "11/00"]),
        (0.75, ["11/01", "10/11", "01/11", "11/10"]),
    ],
)
@pytest.mark.parametrize("shape", [P16, P14])
def test_units_of_the_four_maps(ratio, units, shape):
    maps = masks.build_running_cell_maps(shape, ratio)
    assert maps.shape == (4, math.prod(shape))
    for number in range(4):
        got = [_unit(maps[number : number + 1], shape, slot) for slot in range(8)]
        assert got == [units[(number + slot) % 4] for slot in range(8)]


@few
@given(even_grids, st.sampled_from([1, 2, 3]))
def test_every_cell_of_a_slot_is_alike_and_time_repeats_after_four(shape, quarters):
    maps = _cells(masks.build_running_cell_maps(shape, quarters / 4), shape).unflatten(2, shape[1:])
    unit = maps[:, :, :2, :2]
    assert torch.equal(maps, unit.repeat(1, 1, shape[1] // 2, shape[2] // 2))
    assert torch.equal(maps[:, 4:], maps[:, :-4])
    assert (unit.flatten(2).sum(dim=2) == quarters).all()


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_every_place_is_decoded_equally_often(quarters):
    decoded = ~_cells(masks.build_running_cell_maps(P16, quarters / 4), P16)
    assert (decoded.sum(dim=1) == 8 - 2 * quarters).all()  # 4 of 8 at one half


def test_only_four_running_cell_masks_exist_and_all_are_drawn_alike():
    dropped = masks.drop("running-cell", (4, 4, 4), 0.5, batch=2000, rng=_keys(0, 2000))
    kinds, counts = dropped.unique(dim=0, return_counts=True)
    assert len(kinds) == 4
    assert counts.min() > 430
    assert counts.max() < 570


def test_the_maps_are_computed_afresh():
    """A table kept between calls could be spoilt by a caller, or live on another device."""
    masks.build_running_cell_maps((4, 4, 4), 0.5).fill_(True)
    assert masks.build_running_cell_maps((4, 4, 4), 0.5).sum() == 4 * 32
    assert masks.build_running_cell_maps((4, 4, 4), 0.5, "meta").is_meta


# ---- draws


@pytest.mark.parametrize("kind", ["tube", "random", "frame"])
def test_every_place_is_hidden_equally_often(kind):
    hidden = masks.hide(kind, (4, 3, 5), 0.75, batch=4000, rng=_keys(1, 4000)).float()
    share = masks.count_hidden(kind, (4, 3, 5), 0.75) / 60
    assert (hidden.mean(dim=0) - share).abs().max() < 0.03


def test_choices_within_a_clip_are_unrelated():
    hidden = masks.hide("random", (2, 2, 4), 0.5, batch=8000, rng=_keys(2, 8000)).float()
    correlation = torch.corrcoef(hidden.T)
    off_diagonal = correlation[~torch.eye(16, dtype=torch.bool)]
    assert (off_diagonal - -1 / 15).abs().max() < 0.06  # the count is fixed


@pytest.mark.parametrize("pair", [("tube", "running-cell"), ("random", "random"),
                                  ("frame", "frame")])  # fmt: skip
@pytest.mark.parametrize("generator", [True, False])
def test_the_two_masks_of_a_clip_are_independent(pair, generator):
    encoder, decoder = pair
    shape, batch = (4, 4, 4), 4000
    randomness = torch.Generator().manual_seed(0) if generator else _keys(3, batch)
    hidden = masks.hide(encoder, shape, 0.5, batch=batch, rng=randomness)
    dropped = masks.drop(decoder, shape, 0.5, batch=batch, rng=randomness)
    both = (hidden & dropped).float().mean(dim=0)
    assert (both - 0.25).abs().max() < 0.04
    assert not torch.equal(hidden, dropped)


@pytest.mark.parametrize("kind", ["tube", "running-cell", "random", "frame"])
def test_a_clips_mask_does_not_depend_on_its_place_in_the_batch(kind):
    draw = masks.drop if kind == "running-cell" else masks.hide
    keys, order = _keys(4, 16), torch.randperm(16, generator=torch.Generator().manual_seed(1))
    whole = draw(kind, (4, 4, 6), 0.5, batch=16, rng=keys)
    mixed = draw(kind, (4, 4, 6), 0.5, batch=16, rng=keys[order])
    alone = draw(kind, (4, 4, 6), 0.5, batch=1, rng=keys[5:6])
    assert torch.equal(mixed, whole[order])
    assert torch.equal(alone[0], whole[5])


def test_masks_from_a_generator_follow_its_state():
    def draw(generator):
        return masks.hide("tube", P16, 0.9, batch=3, rng=generator)

    one, two = (torch.Generator().manual_seed(7) for _ in range(2))
    first = draw(one)
    assert torch.equal(first, draw(two))
    assert not torch.equal(first, draw(one))
    assert (first.sum(dim=1) == 1408).all()


# ---- what the loss counts


@few
@given(
    st.sampled_from(["tube", "random", "frame"]),
    st.sampled_from(["running-cell", "random", "frame"]),
    st.tuples(st.integers(2, 9), st.sampled_from([2, 4, 6]), st.sampled_from([2, 4])),
    st.floats(0.5, 0.95),
    st.sampled_from([0.5, 0.75]),
    seeds,
)
def test_the_scored_count_is_exact_or_said_to_vary(encoder, decoder, shape, hides, drops, seed):
    keys = _keys(seed, 24)
    hidden = masks.hide(encoder, shape, hides, batch=24, rng=keys)
    dropped = masks.drop(decoder, shape, drops, batch=24, rng=keys)
    count = masks.count_loss_tokens(encoder, hides, decoder, drops, shape)
    if count is not None:
        assert ((hidden & ~dropped).sum(dim=1) == count).all()


@pytest.mark.parametrize("pair", [("random", "running-cell"), ("tube", "random"),
                                  ("frame", "frame"), ("random", "frame")])  # fmt: skip
def test_pairs_that_meet_by_chance_are_said_to_vary(pair):
    encoder, decoder = pair
    assert masks.count_loss_tokens(encoder, 0.5, decoder, 0.5, (8, 4, 4)) is None
    keys = _keys(5, 64)
    hidden = masks.hide(encoder, (8, 4, 4), 0.5, batch=64, rng=keys)
    dropped = masks.drop(decoder, (8, 4, 4), 0.5, batch=64, rng=keys)
    assert len((hidden & ~dropped).sum(dim=1).unique()) > 1


def test_tubes_and_running_cells_vary_unless_time_is_a_multiple_of_four():
    assert masks.count_loss_tokens("tube", 0.9, "running-cell", 0.5, (6, 4, 4)) is None
    assert masks.count_loss_tokens("tube", 0.9, "running-cell", 0.5, (4, 4, 4)) == 28


# ---- errors


@few
@given(st.sampled_from(["tube", "random", "frame"]), grids, st.floats(-1, 2))
def test_a_ratio_that_cannot_work_names_one_that_does(kind, shape, ratio):
    try:
        masks.count_hidden(kind, shape, ratio)
    except ValueError as error:
        least = float(str(error).split("ratios from ")[1].split(" ")[0])
        assert masks.count_hidden(kind, shape, least) > 0


@pytest.mark.parametrize("ratio", [0.0, 0.2, 1.0, -0.5])
def test_running_cells_know_three_ratios(ratio):
    with pytest.raises(ValueError, match=r"running-cell .* of 4; ratios from 0.25 to below 1"):
        masks.drop("running-cell", P16, ratio, batch=1, rng=_keys(0, 1))


def test_odd_grids_cannot_be_tiled():
    with pytest.raises(ValueError, match=r"do not tile 15x14 cubes; use a clip with 16x14"):
        masks.count_dropped("running-cell", (8, 15, 14), 0.5)


def test_a_single_choice_cannot_be_masked():
    with pytest.raises(ValueError, match="frame masking needs 2 or more to choose from and has 1"):
        masks.count_hidden("frame", (1, 4, 4), 0.5)


def test_no_decoder_masking_has_no_count():
    with pytest.raises(ValueError, match="leaves nothing out"):
        masks.count_dropped("none", P16, 0.5)


def test_as_many_keys_as_clips():
    with pytest.raises(ValueError, match="one key for each of 3 rows, got 2 keys"):
        masks.hide("tube", P16, 0.9, batch=3, rng=_keys(0, 2))
