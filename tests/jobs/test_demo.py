"""The demo's progression, cut down to seconds: every stage, the comparison and the page."""

import json
from dataclasses import replace

import pytest

from tests.jobs.small import quiet
from videomae2.cli.demo import _plain, _stages, _tell
from videomae2.jobs.demo import demo, make_videos
from videomae2.jobs.demo_page import write_page
from videomae2.models.encoder import EncoderConfig

ENCODER = EncoderConfig(size="tiny", frames=8, height=64, width=64, dim=24, depth=1, heads=2)


def short(run):
    """A run of a few steps of a model of one block."""
    optim = replace(run.optim, batch=12, epochs=1.0, warmup_epochs=0.0)
    return replace(run, optim=optim)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    shapes = make_videos(out / "videos", videos=60, say=quiet)
    stages = _stages(shapes, out)
    tuning = replace(short(stages.finetune).model, encoder=ENCODER)
    student = stages.distill.students[0]
    stages = replace(
        stages,
        pretrain=replace(
            short(stages.pretrain), model=replace(stages.pretrain.model, encoder=ENCODER)
        ),
        finetune=replace(short(stages.finetune), model=tuning),
        scratch=replace(short(stages.scratch), model=tuning),
        distill=replace(short(stages.distill), students=(replace(student, model=tuning),)),
    )
    said = []
    found = demo(stages, shapes, say=said.append)
    return found, stages, write_page(found, stages, out / "report.html"), said


def test_both_finetunings_differ_in_their_first_weights_alone(shown):
    _, stages, _, _ = shown
    one, other = stages.finetune, stages.scratch
    assert one.start.weights == stages.pretrain.record.out
    assert other.start.weights is None
    same = replace(one, start=other.start, record=other.record)
    assert same == other


def test_all_three_are_judged_on_the_same_videos(shown):
    found, _, _, said = shown
    judged = (found.pretrained, found.scratch, found.student)
    assert len({frozenset(one.hits) for one in judged}) == 1
    assert len(found.pretrained.hits) == 12
    for one in judged:
        assert one.accuracy.low <= one.accuracy.value <= one.accuracy.high
        assert any(line.startswith(one.name) for line in said)
    difference = found.pretrained.accuracy.value - found.scratch.accuracy.value
    assert found.gain.difference.value == pytest.approx(difference)


def test_the_page_is_complete_in_itself_and_links_to_the_reports(shown):
    found, _, page, _ = shown
    text = page.read_text()
    assert "http" not in text.replace("http://www.w3.org", "")
    assert text.count("data:image/png") == 1
    for one in (found.pretrained, found.scratch, found.student):
        assert (page.parent / one.report.relative_to(page.parent)).exists()
        assert f"{one.accuracy.value:.1%}" in text


def test_it_ends_with_paths_and_as_json(shown):
    found, _, page, _ = shown
    lines = []
    _tell(found, page, lines.append)
    text = "\n".join(lines)
    for path in (found.curve, found.picture, page):
        assert path.exists()
        assert str(path) in text
    assert json.loads(json.dumps(_plain({"shown": found.pretrained.name}))) == {
        "shown": "pre-trained"
    }
