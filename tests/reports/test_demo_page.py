"""The demo's page, from made-up numbers."""

from types import SimpleNamespace

import pytest

from videomae2.metrics.bootstrap import Comparison, Interval
from videomae2.reports.demo import DemoResult, EvaluatedModel, write_demo_page

STAGES = ("pretrain", "finetune", "scratch", "distill")


def made_up(folder, name, accuracy):
    return EvaluatedModel(
        name=name,
        folder=folder / name,
        accuracy=Interval(accuracy, accuracy - 0.1, accuracy + 0.1, 0.95),
        parameters=1_230_000,
        report=folder / name / "report.html",
        hits={},
    )


@pytest.fixture
def page(tmp_path):
    """The text of the page of three models whose runs left no log."""
    (tmp_path / "picture.png").write_bytes(b"no picture")
    result = DemoResult(
        curve=tmp_path / "curve.png",
        picture=tmp_path / "picture.png",
        checkpoint=tmp_path / "checkpoint",
        loss=0.5,
        val_loss=0.625,
        baseline=0.75,
        pretrained=made_up(tmp_path, "<pretrained>", 0.75),
        scratch=made_up(tmp_path, "scratch", 0.5),
        student=made_up(tmp_path, "student", 0.625),
        improvement=Comparison(Interval(0.25, 0.125, 0.375, 0.95), 0.99),
        classes=12,
    )
    stages = SimpleNamespace(**{name: SimpleNamespace(output_dir=tmp_path) for name in STAGES})
    return write_demo_page(result, stages, tmp_path / "report.html").read_text()


def test_every_model_has_a_bar_a_tile_and_a_row_with_its_report(page):
    (bars,) = (part for part in page.split("<svg")[1:] if "accuracy of the three models" in part)
    for name, between in (
        ("&lt;pretrained&gt;", "65.0% to 85.0%"),
        ("scratch", "40.0% to 60.0%"),
        ("student", "52.5% to 72.5%"),
    ):
        assert name in bars.split("</svg>")[0]
        assert between in bars.split("</svg>")[0]
        assert f'<a href="{name}/report.html">{name}</a>' in page
    assert "<pretrained>" not in page


def test_the_difference_is_said_with_what_it_may_be(page):
    assert "+25.0 points of accuracy (between +12.5 and +37.5" in page
    assert "the interval leaves out 0" in page
    assert "Loss 0.625 on these videos; predicting each cube's mean would give 0.750" in page
