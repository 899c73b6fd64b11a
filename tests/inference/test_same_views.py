"""Prediction and evaluation look at a video in the same way and say the same of it."""

import numpy as np
import pytest

from tests.helpers.brightness_classifier import read_here
from tests.helpers.reference_evaluation import SPAN, run_it, save_run
from tests.helpers.videos import encode
from videomae2.inference.predictor import Predictor
from videomae2.inference.views import EvalViews
from videomae2.models.weights.config_json import FrameSampling

WAYS = {
    "dense 5x3": (SPAN, EvalViews(clips=5, crops=3)),
    "segments 2x3": (FrameSampling(kind="tsn"), EvalViews(clips=2, crops=3)),
    "one view": (SPAN, EvalViews(clips=1, crops=1)),
    "as nothing is known": (None, EvalViews()),
    "seconds": (
        FrameSampling(frame_interval=0.1, interval_unit="seconds"),
        EvalViews(clips=3, crops=2),
    ),
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Wide and tall ones, a short one, and a short and square one."""
    folder = tmp_path_factory.mktemp("videos")
    sizes = {"run": [(45, (48, 64)), (9, (48, 66))], "walk": [(40, (72, 40)), (7, (40, 40))]}
    for name, each in sizes.items():
        (folder / name).mkdir()
        for number, (frames, size) in enumerate(each):
            encode(folder / name / f"{number}.mp4", frames=frames, size=size)
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_predict_and_evaluate_say_the_same(videos, tmp_path, monkeypatch, way):
    """To the bit where the same views stand in a batch, else to the rounding of float32."""
    read_here(monkeypatch)
    monkeypatch.setattr("videomae2.commands.evaluate.run.write_report", lambda *_: None)
    span, views = WAYS[way]
    run = save_run(tmp_path / "run", frame_sampling=span)
    views_each = Predictor(run, device="cpu", views=views).scorer.views.num_views
    alone = run_it(run, videos, tmp_path / "alone", views=views, batch_size=views_each)
    shared = run_it(run, videos, tmp_path / "shared", views=views, batch_size=16)
    predictor = Predictor(run, device="cpu", precision="fp32", views=views)
    predicted = list(predictor.predict_all(alone.identities))
    assert len(predicted) == 4
    for row, one in enumerate(predicted):
        assert one.views == views_each
        if one.num_unique_views == one.views:
            assert np.array_equal(one.scores, alone.probabilities[row])
        np.testing.assert_allclose(one.scores, alone.probabilities[row], rtol=0, atol=1e-6)
        np.testing.assert_allclose(one.scores, shared.probabilities[row], rtol=0, atol=1e-6)
    if way == "dense 5x3":  # 45, 9, 40 and 7 frames, the last one square
        assert [one.num_unique_views for one in predicted] == [15, 3, 15, 1]
