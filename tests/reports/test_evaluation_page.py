"""Pages: complete in themselves, escaped, and of bounded size."""

import re
from pathlib import Path

import numpy as np
import pytest
from jinja2 import UndefinedError
from PIL import Image

from tests.helpers.reference_evaluation import SPAN
from videomae2.base.names import printable_name
from videomae2.commands.evaluate.dataset import GroundTruth
from videomae2.commands.evaluate.metrics import compute_metrics
from videomae2.data.video.reader import ReadLimits
from videomae2.inference.score_list import ScoringStats
from videomae2.inference.views import EvalViews, resolve_views
from videomae2.metrics.bootstrap import Bootstrap
from videomae2.models.encoder import EncoderConfig
from videomae2.reports.charts import COLORS, draw_bars, draw_lines
from videomae2.reports.confusion_matrix import draw_confusion_matrix
from videomae2.reports.evaluation import build_page
from videomae2.reports.evaluation_result import Evaluation, ModelFacts
from videomae2.reports.html import render
from videomae2.reports.image_canvas import encode_filmstrip


def made_up(classes, videos, *, name="class {} & <b>more</b>"):
    """An evaluation of random scores that mostly are right."""
    rng = np.random.default_rng(0)
    labels = np.arange(videos) % classes
    wanted = EvalViews(clips=2, crops=2)
    views = resolve_views(EncoderConfig(), SPAN, wanted, limits=ReadLimits())
    scores = rng.normal(size=(videos, 4, classes)).astype(np.float32)
    scores[np.arange(videos), :, labels] += 2
    names = tuple(name.format(i) for i in range(classes))
    paths = tuple(f"/videos/<i>{i}</i>.mp4" for i in range(videos))
    right = GroundTruth("multiclass", names, paths, labels, np.zeros((0, 0)))
    outputs, measures = compute_metrics(iter(scores), views, right, Bootstrap(20, 0))
    facts = ModelFacts(
        path=Path("runs/x"),
        selection_reason="as named",
        weights="raw",
        digest="0" * 16,
        outputs_summary=f"{classes}",
        size="tiny",
        parameters=1000,
        clip="16x64x64",
        metadata={"parents": {"pretrain": "<script>alert(1)"}},
    )
    return Evaluation(
        model=facts,
        videos="/videos",
        description="a list",
        class_names_source="names from the model",
        task_type="multiclass",
        classes=names,
        views=views,
        device="cpu",
        num_listed=videos,
        metrics=measures,
        probabilities=outputs,
        targets=np.zeros((0, 0)),
        identities=paths,
        unreadable={"/videos/<u>.mp4": "is <empty>"},
        run_stats=ScoringStats(num_decodings=videos, num_frames=9, seconds=1.0),
        filmstrips={},
        folder=Path("out"),
    )


@pytest.mark.parametrize(("classes", "videos"), [(2, 7), (12, 40), (710, 900)])
def test_a_report_is_complete_escaped_and_small(classes, videos, tmp_path):
    text = build_page(made_up(classes, videos), tmp_path / "no.jsonl")
    assert not re.search(r"<script|https?://|<link|@import|url\((?!#)", text)
    assert not re.search(r"<b>more|<i>|<u>|<empty>", text)
    assert "class 1 &amp; &lt;b&gt;more&lt;/b&gt;" in text
    assert "1 of" in text
    assert "is &lt;empty&gt;" in text
    assert text.count("<section") == text.count("</section") >= 7
    assert len(text) < 900_000
    for word in ("Classes", "Confusions", "Calibration", "Views", "Hits", "Misses", "Hardest"):
        assert f"{word}" in text


def test_a_training_curve_is_shown_where_there_is_a_log(tmp_path):
    lines = [f'{{"step": {i}, "loss": {2 / (i + 1)}, "lr": 0.1}}\n' for i in range(30)]
    (tmp_path / "metrics.jsonl").write_text("".join(lines))
    found = made_up(2, 5)
    text = build_page(found, tmp_path / "metrics.jsonl")
    assert "Training" in text
    assert "held-out" not in text
    lines.append('{"step": 9, "validation/accuracy": 0.5, "validation/loss": 0.1}\n')
    (tmp_path / "metrics.jsonl").write_text("".join(lines))
    text = build_page(found, tmp_path / "metrics.jsonl")
    assert "accuracy on held-out videos" in text
    assert "Training" not in build_page(found, tmp_path / "gone.jsonl")


def test_a_page_that_lacks_a_value_is_refused():
    with pytest.raises(UndefinedError, match="is undefined"):
        render("demo.html")


def test_a_gap_in_a_line_stays_a_gap():
    y = [1.0, float("nan"), 2.0, 3.0]
    drawn = draw_lines({"": ([0, 1, 2, 3], y)}, x_label="x", y_label="y", description="a line")
    (line,) = re.findall(r'<path d="([^"]*)"[^>]*stroke-width: 2.2', drawn)
    assert line.count("M") == 2
    assert line.count("L") == 1


def test_plots_follow_the_page_and_are_the_same_every_time():
    def draw():
        return draw_bars(["<a>", "$b_{"], [0.5, 0.7], [(0.4, 0.6)] * 2, ["c"] * 2, description='"')

    drawn = draw()
    assert drawn == draw()
    assert not re.search(r"#[0-9a-f]{6}|<a>", drawn)
    assert "&lt;a&gt;" in drawn
    assert "$b_{" in drawn
    style = render("style.css")
    for name, color in COLORS.items():
        assert f"--{name}: {color}" in style.replace("#fff;", "#ffffff;")


def test_many_classes_become_a_picture_and_few_are_named():
    few = draw_confusion_matrix(np.array([[3, 1], [0, 2]]), ["yes", "<no>"], description="w")
    assert "<title>yes taken for &lt;no&gt;: 1</title>" in few
    assert "data:image" not in few
    many = np.eye(300, dtype=np.int64)
    drawn = draw_confusion_matrix(many, [str(i) for i in range(300)], description="w")
    assert drawn.count("data:image/png;base64,") == 1
    assert "<title>" not in drawn


@pytest.mark.parametrize("name", ["fr\udce4sen", "a\nb", "\x1b[31mred", "to\u202eleft", "\ud800"])
def test_names_of_any_bytes_are_drawn(name):
    matrix = draw_confusion_matrix(np.array([[3, 1], [0, 2]]), [name, "b"], description="w")
    assert f"{printable_name(name)} taken for b: 1" in matrix
    assert printable_name(name) in draw_bars([name], [0.5], [(0.4, 0.6)], ["half"], description="w")


def test_of_many_classes_those_of_the_most_mistakes_are_shown_by_name(tmp_path):
    text = build_page(made_up(60, 240, name="class-{}-"), tmp_path / "no.jsonl")
    assert "the 24 classes of the most frequent mistakes" in text


@pytest.mark.parametrize("shape", [(9, 20, 500, 3), (1, 300, 10, 3), (8, 32, 32, 1), (8, 9, 9, 5)])
def test_strips_of_any_shape_are_small_pictures(shape):
    import io

    clip = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    with Image.open(io.BytesIO(encode_filmstrip(clip))) as picture:
        assert picture.height == 104
        assert 50 <= picture.width <= 4 * 190
