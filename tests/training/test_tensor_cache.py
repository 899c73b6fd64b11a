"""Kept answers: found again to the bit, whole or not at all, and only for what they were made."""

import pytest
import torch

from videomae2.base.provenance import PROVENANCE_FILE
from videomae2.errors import CheckpointError, ConfigError, DataError
from videomae2.training.tensor_cache import TensorCache

MADE_BY = {"teacher": "abc", "seed": 0, "clips": [4, 32, 32, 3], "augment.mix.prob": 1.0}


def name(number):
    return bytes([number]) * 16


def answer(number, clips=4):
    scores = torch.randn(clips, 5, generator=torch.Generator().manual_seed(number))
    return {"scores": scores, "fingerprints": torch.arange(clips) + number}


def filled(folder, numbers):
    kept = TensorCache.open(folder, MADE_BY)
    for number in numbers:
        kept.add(name(number), answer(number))
    kept.flush()
    return kept


def same(found, number, clips=4):
    want = answer(number, clips)
    return found.keys() == want.keys() and all(torch.equal(found[n], want[n]) for n in want)


def test_answers_come_back_to_the_bit(tmp_path):
    filled(tmp_path / "c", range(6))
    kept = TensorCache.open(tmp_path / "c", MADE_BY)
    assert len(kept) == 6
    assert all(same(kept.get(name(number)), number) for number in (5, 0, 3))
    assert kept.get(name(9)) is None


def test_what_waits_is_known_before_it_is_written(tmp_path):
    kept = TensorCache.open(tmp_path / "c", MADE_BY)
    kept.add(name(1), answer(1))
    assert kept.num_pending == 1
    assert same(kept.get(name(1)), 1)
    assert len(TensorCache.open(tmp_path / "c", MADE_BY)) == 0
    kept.flush()
    assert kept.num_pending == 0
    assert same(kept.get(name(1)), 1)


def test_many_chunks_and_answers_of_different_sizes(tmp_path):
    kept = TensorCache.open(tmp_path / "c", MADE_BY)
    for number in range(8):
        kept.add(name(number), answer(number, clips=4 + number % 2))
        if number % 2:
            kept.flush()
    again = TensorCache.open(tmp_path / "c", MADE_BY)
    for number in [*range(8), 0, 7]:
        assert same(again.get(name(number)), number, clips=4 + number % 2)


def test_two_runs_may_fill_one_folder(tmp_path):
    one, other = (TensorCache.open(tmp_path / "c", MADE_BY) for _ in range(2))
    for kept, numbers in ((one, (1, 2)), (other, (1, 3))):
        for number in numbers:
            kept.add(name(number), answer(number))
        kept.flush()
    for kept in (one, TensorCache.open(tmp_path / "c", MADE_BY)):
        assert same(kept.get(name(1)), 1)
        assert same(kept.get(name(2)), 2)
    assert same(TensorCache.open(tmp_path / "c", MADE_BY).get(name(3)), 3)


def test_a_half_written_chunk_is_none(tmp_path):
    filled(tmp_path / "c", range(2))
    (chunk,) = (tmp_path / "c").glob("chunk-*")
    partial = chunk.with_name(f".{chunk.name}.1.partial")
    partial.write_bytes(chunk.read_bytes()[:100])
    assert len(TensorCache.open(tmp_path / "c", MADE_BY)) == 2
    chunk.write_bytes(chunk.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="delete it, and the teacher will be asked again"):
        TensorCache.open(tmp_path / "c", MADE_BY)


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    kept = TensorCache.open(tmp_path / "c", MADE_BY)
    kept.add(name(1), answer(1))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("videomae2.training.tensor_cache.save_tensors", full)
    with pytest.raises(OSError, match="No space"):
        kept.flush()
    assert [path.name for path in (tmp_path / "c").iterdir()] == [PROVENANCE_FILE]
    assert kept.num_pending == 1
    kept.discard_pending()
    assert kept.get(name(1)) is None


def test_other_settings_are_named_one_by_one(tmp_path):
    filled(tmp_path / "c", range(2))
    other = {**MADE_BY, "teacher": "xyz", "seed": 1, "new": True}
    with pytest.raises(ConfigError) as caught:
        TensorCache.open(tmp_path / "c", other)
    said = str(caught.value)
    assert "\n  teacher: abc before → xyz now" in said
    assert "\n  seed: 0 before → 1 now" in said
    assert "\n  new: (absent) before → True now" in said
    assert "clips" not in said.split("\n", 1)[1]
    assert said.endswith("use the same values, or another --teacher.cache-dir")


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / PROVENANCE_FILE).write_text("[]")
    with pytest.raises(CheckpointError, match="is no description of a cache"):
        TensorCache.open(tmp_path, MADE_BY)
    (tmp_path / PROVENANCE_FILE).write_text('{"format": 99}')
    with pytest.raises(ConfigError, match="format: 99 before → 1 now"):
        TensorCache.open(tmp_path, MADE_BY)
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot use the cache"):
        TensorCache.open(tmp_path / "file", MADE_BY)


def test_what_is_not_finite_is_not_kept(tmp_path):
    kept = TensorCache.open(tmp_path / "c", MADE_BY)
    kept.add(name(1), {"scores": torch.tensor([[7e4]]).half()})
    with pytest.raises(
        DataError, match=r"scores are not finite .* take --teacher.cache-dtype float32"
    ):
        kept.flush()
