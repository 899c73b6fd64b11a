"""Fresh weights and pixels beside an evaluation: from which videos they learn, and what is said."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.reference_evaluation import CONFIG, run_it, save_run
from videomae2.cli.evaluate import print_metrics
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.results import build_results_json
from videomae2.commands.evaluate.run import prepare_evaluation
from videomae2.data.video.writer import write_video
from videomae2.errors import ConfigError, DataError


def save_bright(folder, each):
    """Videos of two classes that their brightness tells apart."""
    rng = np.random.default_rng(each)
    for name, level in (("run", 40), ("walk", 200)):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            frames = rng.integers(level, level + 30, (10, 40, 48, 3), dtype=np.uint8)
            write_video(folder / name / f"{number:02}.mp4", frames, rate=15)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baselines")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        save_run(folder / "run")
        save_bright(folder / "train", 8)
        save_bright(folder / "test", 3)
        yield folder


@pytest.fixture(scope="module")
def found(place):
    words = {"baselines": ("random", "pixels"), "baseline_train": place / "train"}
    return run_it(place / "run", place / "test", place / "out", **words)


def test_each_stands_beside_the_model_on_the_same_videos(place, found, capsys):
    rows = {row.name: row for row in found.baselines}
    assert list(rows) == ["fresh weights", "pixels", "pixels minus their mean"]
    assert rows["pixels"].accuracy.value == 1
    model = found.metrics.main[1].value
    for row in rows.values():
        assert row.num_videos == 6
        assert row.difference.value == pytest.approx(model - row.accuracy.value)
        assert row.difference.low <= row.difference.value <= row.difference.high
    saved = json.loads((place / "out" / "results.json").read_text())["baselines"]
    assert [row["name"] for row in saved] == list(rows)
    assert saved == build_results_json(found)["baselines"]
    page = (place / "out" / "report.html").read_text()
    assert "pixels minus their mean" in page
    print_metrics(found)
    assert "beside: fresh weights" in capsys.readouterr().out


def test_they_make_no_other_evaluation(place, found):
    without = run_it(place / "run", place / "test", place / "out")
    assert without.baselines == ()
    assert without.metrics.main == found.metrics.main
    assert "Beside it" not in (place / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"baselines": ("random", "random")}, "--baselines wants random, pixels or both, each onc"),
        ({"baseline_train": "train"}, "--baseline-train has no effect without --baselines"),
        ({"baseline_filter": "a=b"}, "--baseline-filter has no effect without --baseline-train"),
    ],
)
def test_settings_without_effect_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        EvaluateConfig(**settings)


def test_without_training_videos_or_with_those_that_are_judged_it_is_refused(place):
    config = replace(CONFIG, baselines=("pixels",))
    with pytest.raises(ConfigError, match="give --baseline-train"):
        prepare_evaluation(place / "run", place / "test", config=config)
    shared = replace(config, baseline_train=place / "test")
    with pytest.raises(DataError, match="6 of the videos are also training videos"):
        prepare_evaluation(place / "run", place / "test", config=shared)
    plan = prepare_evaluation(
        place / "run", place / "test", config=replace(config, baseline_train=place / "train")
    )
    assert "pixels, ridge on 16 training videos" in str(plan.summary())
