"""From masks to lists of tokens."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videomae2.tensors import masks, tokens
from videomae2.tensors.rng import make_key, to_int64

few = settings(max_examples=40)
shapes = st.tuples(st.sampled_from([2, 4, 8]), st.sampled_from([2, 4, 6]), st.sampled_from([4, 6]))


def _drawn(shape, hides, drops, seed, batch=3):
    keys = torch.tensor([to_int64(make_key(seed, n)) for n in range(batch)])
    hidden = masks.hide("tube", shape, hides, batch=batch, rng=keys)
    dropped = masks.drop("running-cell", shape, drops, batch=batch, rng=keys)
    return hidden, dropped


def _split(hidden, dropped, scored, *, lean=False):
    return tokens.split_dual(
        hidden,
        dropped,
        hidden_count=int(hidden[0].sum()),
        dropped_count=int(dropped[0].sum()),
        num_loss_tokens=scored,
        hidden_only=lean,
    )


def _places(masked):
    return [row.nonzero().flatten().tolist() for row in masked]


@few
@given(shapes, st.floats(0.5, 0.95), st.sampled_from([0.25, 0.5, 0.75]), st.integers(0, 999))
def test_everything_goes_where_it_belongs(shape, hides, drops, seed):
    hidden, dropped = _drawn(shape, hides, drops, seed)
    scored = masks.count_loss_tokens("tube", hides, "running-cell", drops, shape)
    split = _split(hidden, dropped, scored)
    assert split.visible.tolist() == _places(~hidden)  # in clip order
    assert split.queries.sort(dim=1).values.tolist() == _places(~dropped)
    if scored is None:
        assert torch.equal(split.loss_tokens, split.queries)
        counted = [q[w > 0].tolist() for q, w in zip(split.queries, split.weight, strict=True)]
        assert counted == _places(hidden & ~dropped)
        return
    assert split.weight is None
    assert split.loss_tokens.tolist() == _places(hidden & ~dropped)
    lean = _split(hidden, dropped, scored, lean=True)
    assert torch.equal(lean.visible, split.visible)
    assert torch.equal(lean.queries, split.loss_tokens)
    assert torch.equal(lean.loss_tokens, split.loss_tokens)
    whole = tokens.weight_all(split)
    assert torch.equal(whole.loss_tokens, split.queries)
    assert whole.weight is None


@few
@given(shapes, st.floats(0.5, 0.95), st.integers(0, 999))
def test_v1_decodes_every_hidden_cube(shape, hides, seed):
    hidden, _ = _drawn(shape, hides, 0.5, seed)
    split = tokens.split_v1(hidden, int(hidden[0].sum()))
    assert split.visible.tolist() == _places(~hidden)
    assert split.queries.tolist() == _places(hidden)
    assert torch.equal(split.loss_tokens, split.queries)
    assert split.weight is None


def test_mask_tokens_stand_also_where_the_encoder_saw():
    hidden, dropped = _drawn((8, 14, 14), 0.9, 0.5, 0)
    split = _split(hidden, dropped, 704)
    assert split.visible.shape[1] == 160
    assert split.queries.shape[1] == 784
    assert split.loss_tokens.shape[1] == 704
    seen = (split.queries[:, :, None] == split.visible[:, None]).any(dim=2)
    assert (seen.sum(dim=1) == 80).all()
    assert not seen[:, -704:].any()


def test_lean_wants_clips_that_agree():
    hidden, dropped = _drawn((2, 4, 4), 0.5, 0.5, 0)
    with pytest.raises(ValueError, match="the decoder cannot leave out visible queries"):
        _split(hidden, dropped, None, lean=True)
