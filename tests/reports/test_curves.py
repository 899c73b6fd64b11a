import json

import numpy as np
import pytest
from PIL import Image

from videomae2.errors import ConfigError
from videomae2.reports.curves import plot_loss_curve, read_metrics_log, smooth


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def entries(losses):
    return [{"step": n, "loss": v, "lr": 1e-3, "grad_norm": 1.0} for n, v in enumerate(losses)]


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_metrics_leave_out_other_lines_and_one_that_is_being_written(tmp_path):
    path = write(tmp_path / "metrics.jsonl", [*entries([1.0, None]), {"step": 1, "accuracy": 0.5}])
    path.write_text(path.read_text() + '{"step": 2, "lo')
    found = read_metrics_log(path)
    assert found.step.tolist() == [0, 1]
    assert found.loss[0] == 1.0
    assert np.isnan(found.loss[1])


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "holds no step yet"), ("{}\n", "holds no step yet"), ("x\n", "a line of it, is no JSON")],
)
def test_a_log_that_cannot_be_drawn_is_refused(tmp_path, text, said):
    (tmp_path / "metrics.jsonl").write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_metrics_log(tmp_path / "metrics.jsonl")


def test_a_missing_log_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*gone.jsonl: it does not exist"):
        read_metrics_log(tmp_path / "gone.jsonl")


def test_smoothing_is_the_mean_of_a_window_without_gaps():
    values = np.array([5.0, 1.0, np.nan, 3.0, 5.0, 7.0])
    slow = [
        np.nanmean(values[max(0, n - min(n, 2)) : n + min(n, 2) + 1]) for n in range(len(values))
    ]
    np.testing.assert_allclose(smooth(values, 4), slow)
    assert np.isnan(smooth(np.array([np.nan, np.nan]), 3)).all()
    np.testing.assert_array_equal(smooth(values, 1), values)


@pytest.mark.parametrize("losses", [[1.4, None, 0.2], [1.0], [None, None], [1.0, 0.9] * 100])
def test_a_curve_is_a_picture_and_leaves_nothing_else(tmp_path, losses):
    log = write(tmp_path / "metrics.jsonl", entries(losses))
    out = plot_loss_curve(log, tmp_path / "loss.png", title="A run")
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.jsonl", "loss.png"}
    assert pixels(out).std() > 5


def test_the_baseline_can_be_left_out(tmp_path):
    log = write(tmp_path / "metrics.jsonl", entries([1.0, 0.8, 0.7]))
    plain = pixels(plot_loss_curve(log, tmp_path / "loss.png"))
    bare = pixels(plot_loss_curve(log, tmp_path / "loss.png", baseline=None))
    assert plain.shape == bare.shape
    assert not np.array_equal(plain, bare)


def test_pyplot_is_not_needed(tmp_path):
    import sys

    before = "matplotlib.pyplot" in sys.modules
    plot_loss_curve(write(tmp_path / "metrics.jsonl", entries([1.0])), tmp_path / "loss.png")
    assert ("matplotlib.pyplot" in sys.modules) == before
