"""What plans and logs say of decoded videos that are kept, and what is refused."""

import logging
import re
from dataclasses import replace

import pytest

from tests.helpers.pretrain_runs import losses, small_run, small_videos
from videomae2.commands.train import pretrain
from videomae2.commands.train.advice import cache as cache_advice
from videomae2.data.loading import caching, loader
from videomae2.errors import ConfigError


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))  # 16 of 12 frames: 0.6 MB


def run_with(videos, out, cache, **changed):
    run = small_run(videos, out, **changed)
    return replace(run, data=replace(run.data, cache=cache))


@pytest.mark.parametrize(
    ("cache", "epochs", "free", "said"),
    [
        (
            "auto",
            3.0,
            2**30,
            "16 videos take about 0.6 MiB decoded, within half of the free 1.0 GiB",
        ),
        ("auto", 3.0, 10**6, "16 videos take about 0.6 MiB decoded, more than half of .* anew"),
        ("memory", 3.0, 10**6, "16 videos take about 0.6 MiB decoded, within four fifths of"),
        ("auto", 1.0, 2**30, "none: no video is read more than once"),
        ("off", 3.0, 2**30, "off: every clip is decoded anew"),
    ],
)
def test_the_plan_says_what_is_kept(videos, tmp_path, monkeypatch, cache, epochs, free, said):
    monkeypatch.setattr(cache_advice, "find_free_bytes", lambda: free)
    plan = pretrain.dry_run(run_with(videos, tmp_path / "run", cache, epochs=epochs)).to_dict()
    (text,) = plan["cache"]
    assert re.match(said, text), text


@pytest.mark.parametrize(
    ("epochs", "free", "said"),
    [
        (3.0, 10**5, "--data.cache memory does not fit: 16 videos take about 0.6 MiB decoded, mor"),
        (1.0, 2**30, "--data.cache memory has no effect: no video is read more than once"),
    ],
)
def test_memory_is_refused_before_anything_is_written(
    videos, tmp_path, monkeypatch, epochs, free, said
):
    monkeypatch.setattr(cache_advice, "find_free_bytes", lambda: free)
    run = run_with(videos, tmp_path / "run", "memory", epochs=epochs)
    for start in (pretrain.dry_run, pretrain.pretrain):
        with pytest.raises(ConfigError, match=re.escape(said)):
            start(run)
    assert not (tmp_path / "run" / "run.yaml").exists()


def test_runs_learn_the_same_and_may_go_on_with_another_cache(
    videos, tmp_path, caplog, monkeypatch
):
    caplog.set_level(logging.INFO)
    for cache in ("off", "memory"):
        pretrain.pretrain(run_with(videos, tmp_path / cache, cache))
    assert losses(tmp_path / "memory") == losses(tmp_path / "off")
    assert "cache    16 videos take about 0.6 MiB decoded, within" in caplog.text

    short = run_with(videos, tmp_path / "both", "off", epochs=3.0)
    real = loader.Loader.__iter__

    def stop(self):
        for number, batch in enumerate(real(self)):
            if number == 7:
                raise KeyboardInterrupt
            yield batch

    monkeypatch.setattr(loader.Loader, "__iter__", stop)
    with pytest.raises(KeyboardInterrupt):
        pretrain.pretrain(short)
    monkeypatch.undo()
    pretrain.pretrain(replace(short, data=replace(short.data, cache="auto")))
    assert losses(tmp_path / "both") == losses(tmp_path / "off")


def test_what_turns_out_larger_is_said_and_decoded_anew(videos, tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(caching, "find_free_bytes", lambda: 10**5)
    pretrain.pretrain(run_with(videos, tmp_path / "run", "auto"))
    assert "decoded, more than half of the free memory: " in caplog.text
