"""Training over whole videos, and that all who use the model afterwards see them whole."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.finetune_runs import class_folders, small_finetune
from tests.helpers.labelled_videos import labelled_videos
from tests.helpers.pretrain_runs import losses, small_run, small_videos
from videomae2.commands.probe.config import ProbeClipConfig
from videomae2.commands.probe.features import resolve_probe_views
from videomae2.commands.reconstruct import reconstruct_videos
from videomae2.commands.reconstruct_clip import ReconstructConfig
from videomae2.commands.train.finetune import finetune
from videomae2.commands.train.pretrain import pretrain
from videomae2.config.runs import OnlineProbeConfig
from videomae2.data.loading.reading import ReadingConfig
from videomae2.errors import ConfigError
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import TimelineConfig, check_window_length
from videomae2.inference.views import EvalViews, format_frames, resolve_views
from videomae2.models.weights.config_json import FrameSampling, load_model_config
from videomae2.models.weights.frozen_encoder import load_frozen_encoder

MIDDLES = {"tsn": [1, 4, 7, 10], "whole": [1, 4, 7, 10]}  # of 12 frames


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))


def over_whole_videos(run, kind):
    source = replace(run.data.sources[0], frame_sampling=kind, frame_interval=4.0)
    return replace(run, data=replace(run.data, sources=(source,)))


@pytest.fixture(scope="module", params=["tsn", "whole"])
def pretrained(request, videos, tmp_path_factory):
    labelled = tmp_path_factory.mktemp("labelled")
    labelled_videos(labelled, 6)
    out = tmp_path_factory.mktemp("run") / "run"
    probe = OnlineProbeConfig(videos=labelled, interval=2, k=3)
    run = small_run(videos, out, online_probe=probe)
    pretrain(over_whole_videos(run, request.param))
    return out, request.param


def test_pretraining_over_whole_videos_says_so_in_its_card(pretrained, videos):
    run, kind = pretrained
    assert len(losses(run)) == 6
    saved = next((run / "checkpoints").iterdir())
    assert load_model_config(saved).frame_sampling == FrameSampling(kind=kind)
    assert '"probe/knn"' in (run / "metrics.jsonl").read_text()


@pytest.mark.parametrize(
    ("asked", "kind", "interval"),
    [
        ({}, None, 4.0),
        ({"frame_sampling": "whole"}, "whole", 4.0),
        ({"frame_sampling": "strided", "frame_interval": 2.0}, "strided", 2.0),
        ({"frame_interval": 2.0, "frame_sampling": "strided"}, "strided", 2.0),
    ],
)
def test_a_probe_takes_the_frames_of_training_or_those_asked_for(pretrained, asked, kind, interval):
    run, trained = pretrained
    views = resolve_probe_views(
        load_frozen_encoder(run), ProbeClipConfig(**asked), ReadingConfig(), None
    )
    assert (views.frame_sampling, views.frame_interval) == (kind or trained, interval)


def test_a_reconstruction_shows_the_whole_video(pretrained, videos):
    run, kind = pretrained
    video = next(videos.rglob("*.mp4"))
    (clip,) = reconstruct_videos(run, [video], device="cpu")
    assert clip.indices.tolist() == MIDDLES[kind]
    (clip,) = reconstruct_videos(
        run, [video], config=ReconstructConfig(frame_interval=2), device="cpu"
    )
    assert np.diff(clip.indices).tolist() == [2, 2, 2]
    with pytest.raises(ConfigError, match="--start has no effect: training took frames over the"):
        reconstruct_videos(run, [video], config=ReconstructConfig(start=0.1), device="cpu")


def test_a_saved_model_alone_says_how_it_was_trained(pretrained, videos, tmp_path):
    run, kind = pretrained
    shutil.copytree(max((run / "checkpoints").glob("step-*")), tmp_path / "model")
    (clip,) = reconstruct_videos(tmp_path / "model", [next(videos.rglob("*.mp4"))], device="cpu")
    assert clip.indices.tolist() == MIDDLES[kind]


def test_a_classifier_of_whole_videos_is_judged_on_whole_videos(tmp_path):
    run = small_finetune(class_folders(tmp_path), tmp_path / "run")
    best = finetune(over_whole_videos(run, "whole"))
    predictor = Predictor(best, device="cpu")
    views = predictor.scorer.views
    assert (views.frame_sampling, views.clips, views.crops) == ("whole", 1, 3)
    assert format_frames(views) == "frames at even distances over the whole video"
    with pytest.raises(ConfigError, match=r"whole videos.* choose --window-seconds"):
        check_window_length(predictor, TimelineConfig())
    check_window_length(predictor, TimelineConfig(window_seconds=1.0))


@pytest.mark.parametrize("kind", ["tsn", "whole"])
def test_views_of_whole_videos_have_no_interval(kind):
    encoder = small_run(None, None).model.encoder
    limits = ReadingConfig().limits()
    for asked in ({"frame_interval": 2.0}, {"interval_unit": "seconds"}):
        with pytest.raises(ConfigError, match=f"no effect on {kind} clips"):
            resolve_views(encoder, FrameSampling(kind=kind), EvalViews(**asked), limits=limits)


def test_sources_that_differ_leave_the_probe_to_ask(videos, tmp_path):
    run = small_run(videos, tmp_path / "run")
    (source,) = run.data.sources
    whole = replace(source, frame_sampling="whole", frame_interval=4.0, name="other")
    last = pretrain(replace(run, data=replace(run.data, sources=(source, whole))))
    assert load_model_config(last).frame_sampling is None
    frozen = load_frozen_encoder(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"frames differently \(.*every 2 frames, other: .*whole"):
        resolve_probe_views(frozen, ProbeClipConfig(), ReadingConfig(), None)
    views = resolve_probe_views(
        frozen, ProbeClipConfig(frame_sampling="whole"), ReadingConfig(), None
    )
    assert views.frame_sampling == "whole"
