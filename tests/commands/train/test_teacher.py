"""A teacher that is asked once: what a cache may answer, and what it must not."""

import logging
from dataclasses import replace

import pytest
import torch

from tests.helpers.distill_runs import ENCODER, make_teacher
from videomae2.commands.train.teacher import FLUSH_INTERVAL, Teacher
from videomae2.data.loading.batch import CPUBatch, Sample
from videomae2.data.views.resize import make_clips
from videomae2.errors import DataError
from videomae2.models.weights.resolve import resolve_classifier
from videomae2.training.runtime import RuntimeConfig, prepare_runtime
from videomae2.training.tensor_cache import TensorCache


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return resolve_classifier(make_teacher(tmp_path_factory.mktemp("t") / "teacher"))


def batch(first=0, holes=(), seed=0):
    """Four videos of one view each."""
    samples = []
    for number in range(4):
        generator = torch.Generator().manual_seed(100 * seed + first + number)
        x = torch.randint(0, 256, (4, 40, 40, 3), dtype=torch.uint8, generator=generator)
        sample = Sample(x, torch.arange(4), [(0, 0, 32, 32)], [False])
        samples.append(None if number in holes else sample)
    keys = list(range(first, first + 4))
    return CPUBatch(samples, keys, [f"v{key}.mp4" for key in keys], [(0, key) for key in keys])


def clips_of(one):
    return make_clips(one, (32, 32), ENCODER.frames, 3, torch.device("cpu"))


def teaching(teacher, folder=None, **changed):
    kept = None if folder is None else TensorCache.open(folder, {"a": 1})
    runtime = prepare_runtime(RuntimeConfig(device="cpu", precision="fp32"))
    return Teacher(teacher, runtime, cache=kept, **changed)


def ask(of, one):
    of.prepare(one)
    return of(clips_of(one))


@pytest.mark.slow
def test_an_answer_is_found_again_to_the_bit(teacher, tmp_path):
    for dtype in ("float32", "float16"):
        place = tmp_path / dtype
        first = teaching(teacher, place, with_features=True, cache_dtype=dtype)
        live = [ask(first, batch(n)) for n in (0, 4)]
        first.flush()
        second = teaching(teacher, place, with_features=True, cache_dtype=dtype)
        found = [ask(second, batch(n)) for n in (4, 0)][::-1]
        assert (second.num_misses, second.num_hits) == (0, 2)
        for one, other in zip(live, found, strict=True):
            assert torch.equal(one.scores, other.scores)
            assert torch.equal(one.features, other.features)
            assert one.scores.dtype == other.scores.dtype == torch.float32
    plain = ask(teaching(teacher), batch())
    assert not torch.equal(plain.scores, live[0].scores)
    torch.testing.assert_close(plain.scores, live[0].scores, rtol=1e-3, atol=1e-3)


def test_a_video_that_became_unreadable_is_asked_about_again(teacher, tmp_path):
    """Its partner is no longer mixed with it, so the old answer is of other clips."""
    first = teaching(teacher, tmp_path)
    ask(first, batch())
    first.flush()
    second = teaching(teacher, tmp_path)
    got = ask(second, batch(holes=(2,)))
    assert (second.num_misses, second.num_hits) == (1, 0)
    want = ask(teaching(teacher), batch(holes=(2,)))
    assert torch.equal(got.scores, want.scores)


def test_a_video_whose_pixels_changed_is_named(teacher, tmp_path):
    first = teaching(teacher, tmp_path)
    ask(first, batch())
    first.flush()
    changed = batch()
    other = list(changed.samples)
    other[1] = replace(other[1], pixels=255 - other[1].pixels)
    with pytest.raises(DataError, match=r"v1.mp4 shows other pixels than when .*1 such video in"):
        ask(teaching(teacher, tmp_path), replace(changed, samples=other))


def test_it_is_written_as_it_goes(teacher, tmp_path):
    of = teaching(teacher, tmp_path)
    for number in range(FLUSH_INTERVAL):
        assert len(list(tmp_path.glob("chunk-*"))) == 0
        ask(of, batch(4 * number))
        of.on_step_end(1)
    assert len(list(tmp_path.glob("chunk-*"))) == 1
    assert len(TensorCache.open(tmp_path, {"a": 1})) == FLUSH_INTERVAL


def test_a_full_disk_costs_the_cache_not_the_run(teacher, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "videomae2")
    of = teaching(teacher, tmp_path)
    ask(of, batch())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("videomae2.training.tensor_cache.save_tensors", full)
    of.flush()
    assert "1 answers of the teacher are not kept, training goes on" in caplog.messages[-1]
    assert ask(of, batch(4)).scores.shape == (4, 3)


def test_a_teacher_is_read_when_it_is_first_asked(teacher, caplog):
    caplog.set_level(logging.INFO, "videomae2")
    of = teaching(teacher)
    of.prepare(batch())
    assert caplog.messages == []
    answer = of(clips_of(batch()))
    assert caplog.messages == [f"teacher  loaded from {teacher.path}"]
    assert not answer.scores.requires_grad


def test_held_out_videos_are_asked_about_once(teacher, tmp_path):
    of = teaching(teacher, tmp_path)
    for _ in range(2):
        of.score_val_batch(clips_of(batch(holes=(3,))), batch(holes=(3,)), val_digest="x")
    assert of.num_misses == 1
    assert sorted(of.val_scores) == [(0, 0), (0, 1), (0, 2)]
    of.flush()
    again = teaching(teacher, tmp_path)
    again.score_val_batch(clips_of(batch(holes=(3,))), batch(holes=(3,)), val_digest="x")
    assert (again.num_misses, again.num_hits) == (0, 1)
    assert all(torch.equal(again.val_scores[p], of.val_scores[p]) for p in of.val_scores)
    again.score_val_batch(clips_of(batch(4)), batch(4), val_digest="another list")
    assert again.num_misses == 1
