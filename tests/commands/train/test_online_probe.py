"""Probes during pre-training: they are written down, and no step comes out otherwise."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file

from tests.helpers.labelled_videos import labelled_videos
from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import losses, small_run, small_videos, stop_after
from tests.helpers.slow_videos import late_at_first
from videomae2.base.signals import SignalHandler
from videomae2.commands.train.dry_run import summarize_job
from videomae2.commands.train.online_probe import OnlineProbe
from videomae2.commands.train.pretrain import load_job, pretrain
from videomae2.config.runs import OnlineProbeConfig
from videomae2.errors import ConfigError, DataError, Interrupted, ManifestError, NonFiniteLossError
from videomae2.inference.probe_data import ProbeListConfig, load_train_test
from videomae2.training.logger import MetricsLogger
from videomae2.training.loop import CallbackContext
from videomae2.training.runtime import resolve_runtime


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    labelled_videos(folder / "train", 6)
    labelled_videos(folder / "test", 3, seed=1)
    return folder


def probed(videos, labelled, out, *, every=2, **changed):
    probe = OnlineProbeConfig(
        videos=labelled / "train", test=labelled / "test", interval=every, k=3
    )
    return small_run(videos, out, online_probe=probe, **changed)


def probes(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line for line in lines if "probe/knn" in line}


def accuracies(folder):
    found = probes(folder) if (folder / "metrics.jsonl").exists() else {}
    return {step: (line["probe/knn"], line["probe/linear"]) for step, line in found.items()}


def weights(folder):
    return {n: v.numpy().tobytes() for n, v in load_file(folder / "model.safetensors").items()}


def test_losses_and_weights_are_the_same_to_the_bit_with_and_without(videos, labelled, tmp_path):
    plain = pretrain(small_run(videos, tmp_path / "plain"))
    said = []
    with logging_to(said.append):
        watched = pretrain(probed(videos, labelled, tmp_path / "run", every=1))
    assert losses(tmp_path / "run") == losses(tmp_path / "plain")
    assert weights(watched) == weights(plain)
    assert sorted(probes(tmp_path / "run")) == [-1, 0, 1, 2, 3, 4, 5]
    (line,) = (line for line in said if line.startswith("probe 6/6"))
    assert "linear 100.0%" in line
    assert "9 test videos" in line


def test_features_that_are_not_finite_end_the_run_in_words(videos, labelled, tmp_path):
    run = probed(videos, labelled, tmp_path / "run", every=1)
    run = replace(run, optim=replace(run.optim, lr=1e18, warmup_epochs=0.0))
    with pytest.raises(NonFiniteLossError, match="features of the probe are not finite"):
        pretrain(run)


@pytest.mark.slow
def test_a_run_that_stops_goes_on_to_the_same_losses_and_probes(videos, labelled, tmp_path):
    pretrain(probed(videos, labelled, tmp_path / "whole", epochs=4.0))
    run = probed(videos, labelled, tmp_path / "run", epochs=4.0)
    run = replace(run, checkpoint=replace(run.checkpoint, interval=100))
    with pytest.raises(Interrupted), logging_to(stop_after(1, signal.SIGTERM)):
        pretrain(run)
    pretrain(run)
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")
    assert accuracies(tmp_path / "run") == accuracies(tmp_path / "whole")
    assert len(probes(tmp_path / "whole")) == 5


@pytest.mark.slow
@pytest.mark.parametrize("stopped_in", [1, 4])
def test_a_probe_that_a_wish_to_stop_cuts_short_is_made_up_for(
    videos, labelled, tmp_path, monkeypatch, stopped_in
):
    pretrain(probed(videos, labelled, tmp_path / "whole", every=3))
    features, calls = OnlineProbe._encode, []

    def asked_meanwhile(watch, part):
        calls.append(part)
        if len(calls) == stopped_in:
            watch.context.signals.stop_signal = signal.SIGTERM
        return features(watch, part)

    run = probed(videos, labelled, tmp_path / "run", every=3)
    monkeypatch.setattr(OnlineProbe, "_encode", asked_meanwhile)
    with pytest.raises(Interrupted, match="asked to stop by SIGTERM"):
        pretrain(run)
    assert len(accuracies(tmp_path / "run")) == (stopped_in - 1) // 2  # two calls a probe
    pretrain(run)
    assert accuracies(tmp_path / "run") == accuracies(tmp_path / "whole")
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


@pytest.mark.slow
def test_a_run_may_be_probed_otherwise_when_it_goes_on(videos, labelled, tmp_path):
    run = probed(videos, labelled, tmp_path / "run")
    with pytest.raises(Interrupted), logging_to(stop_after(1, signal.SIGTERM)):
        pretrain(run)
    pretrain(replace(run, online_probe=OnlineProbeConfig()))
    assert len(losses(tmp_path / "run")) == 6


def test_tensorboard_has_the_probes(videos, labelled, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    pretrain(probed(videos, labelled, tmp_path / "run"))
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("probe/knn")] == [-1, 1, 3, 5]
    assert {"probe/linear", "probe/seconds", "train/loss"} <= set(events.Tags()["scalars"])


def test_the_plan_says_what_is_probed_and_wrong_lists_stop_it(videos, labelled, tmp_path):
    run = probed(videos, labelled, tmp_path / "run")
    summary = str(summarize_job(load_job(run)))
    assert "every 2 steps on 18 training and 9 test videos of 3 classes" in summary
    (tmp_path / "list.txt").write_text("a.mp4 zero\n")
    with pytest.raises(ManifestError, match=r"list\.txt"):
        pretrain(replace(run, online_probe=OnlineProbeConfig(videos=tmp_path / "list.txt")))
    with pytest.raises(ConfigError, match=r"--online-probe\.videos .* does not exist"):
        pretrain(replace(run, online_probe=OnlineProbeConfig(videos=tmp_path / "none")))
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


@pytest.mark.slow
def test_videos_that_cannot_be_read_are_left_out_and_said(videos, tmp_path):
    labelled_videos(tmp_path / "train", 6)
    labelled_videos(tmp_path / "test", 2, seed=1)
    (tmp_path / "train" / "red" / "00.npy").write_bytes(b"nothing")
    said = []
    run = probed(videos, tmp_path, tmp_path / "run", every=100, epochs=1.0)
    with logging_to(said.append):
        pretrain(run)
    assert any("skipped 1 video, such as: cannot read" in line for line in said)
    for path in (tmp_path / "test").rglob("*.npy"):
        path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="17 to train on and 0 to test on"):
        pretrain(replace(run, output_dir=tmp_path / "other"))


def test_no_more_videos_are_taken_than_wanted_of_each_class_alike(labelled):
    lists = load_train_test(labelled / "train", None, ProbeListConfig(), seed=0, max_videos=12)
    assert (len(lists.train_rows), len(lists.test_rows)) == (10, 2)
    both = np.concatenate((lists.train_rows, lists.test_rows))
    assert np.bincount(lists.train.labels[both]).tolist() == [4, 4, 4]
    lists = load_train_test(
        labelled / "train", labelled / "test", ProbeListConfig(), seed=0, max_videos=10
    )
    assert (len(lists.train_rows), len(lists.test_rows)) == (10, 9)


def test_one_busy_moment_costs_no_video(labelled, tmp_path, monkeypatch):
    late = late_at_first(monkeypatch)
    run = probed(labelled / "train", labelled, tmp_path / "run")
    run = replace(run, reading=replace(run.reading, num_workers=0))
    runtime = resolve_runtime(run.runtime)
    work, said = load_job(run).build_setup(runtime), []
    log = MetricsLogger(tmp_path, steps=2, first_step=0, get_memory_gib=lambda: 0.0)
    with logging_to(said.append), SignalHandler() as wishes:
        (probe,) = work.callbacks
        probe.attach(
            CallbackContext(
                task=work.task,
                ema=None,
                log_values=log.log_values,
                first_step=0,
                steps=2,
                runtime=runtime,
                signals=wishes,
            )
        )
    log.close()
    assert len(late) == 27
    assert "9 test videos" in said[-1]
    assert not any("skipped" in line for line in said)
