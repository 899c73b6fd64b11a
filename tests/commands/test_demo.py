"""The demo's progression, cut down to seconds: every stage, the comparison and the page."""

import json
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from io import StringIO

import pytest

from videomae2.cli import demo as command
from videomae2.cli.demo import build_stages
from videomae2.cli.main import main
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.data.loading.reading import ReadingConfig
from videomae2.errors import ConfigError
from videomae2.models.encoder import EncoderConfig
from videomae2.reports.demo import write_demo_page

ENCODER = EncoderConfig(
    size="tiny", frames=8, height=64, width=64, embed_dim=24, depth=1, num_heads=2
)


def short(run):
    """A run of a few steps of a model of one block."""
    optim = replace(run.optim, global_batch_size=12, epochs=1.0, warmup_epochs=0.0)
    return replace(run, optim=optim, reading=replace(run.reading, num_workers=0))


def shortened(stages):
    tuning = replace(short(stages.finetune).model, encoder=ENCODER)
    pretraining = replace(stages.pretrain.model, encoder=ENCODER)
    return replace(
        stages,
        pretrain=replace(short(stages.pretrain), model=pretraining),
        finetune=replace(short(stages.finetune), model=tuning),
        scratch=replace(short(stages.scratch), model=tuning),
        distill=replace(short(stages.distill), model=tuning),
    )


def make_short(monkeypatch):
    quick = partial(EvaluateConfig, n_resamples=100, reading=ReadingConfig(num_workers=0))
    monkeypatch.setattr("videomae2.commands.demo.EvaluateConfig", quick)
    monkeypatch.setattr(
        command, "build_stages", lambda videos, out: shortened(build_stages(videos, out))
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What the command found, its stages and page, and what it printed."""
    out, found = tmp_path_factory.mktemp("demo"), []

    def page(shown, stages, path):
        found.append((shown, stages, write_demo_page(shown, stages, path)))
        return path

    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as said:
        make_short(patch)
        patch.setattr(command, "write_demo_page", page)
        assert main(["demo", "--out", str(out), "--videos", "60"]) == 0
    return *found[0], said.getvalue().splitlines()


def test_both_finetunings_differ_in_their_first_weights_alone(shown):
    _, stages, _, _ = shown
    one, other = stages.finetune, stages.scratch
    assert one.init.weights == stages.pretrain.output_dir
    assert other.init.weights is None
    same = replace(one, init=other.init, output_dir=other.output_dir)
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
    assert found.improvement.difference.value == pytest.approx(difference)


def test_the_page_is_complete_in_itself_and_links_to_the_reports(shown):
    found, _, page, _ = shown
    text = page.read_text()
    assert "://" not in text.replace("http://www.w3.org", "")
    assert text.count("data:image/png") == 1
    for one in (found.pretrained, found.scratch, found.student):
        assert (page.parent / one.report.relative_to(page.parent)).exists()
        assert f"{one.accuracy.value:.1%}" in text


def test_the_command_ends_with_paths(shown):
    found, _, page, said = shown
    last = "\n".join(said[said.index(f"report      {page}") - 6 :])
    for path in (found.curve, found.picture, found.pretrained.folder, page):
        assert path.exists()
        assert str(path) in last


def test_the_second_time_nothing_is_trained_and_the_results_are_the_same(
    shown, monkeypatch, capsys
):
    found, _, page, _ = shown
    make_short(monkeypatch)
    assert main(["demo", "--out", str(page.parent), "--videos", "60", "--json"]) == 0
    out, err = capsys.readouterr()
    again = json.loads(out)
    assert again["report"] == str(page)
    assert again["pretrained"]["accuracy"]["value"] == found.pretrained.accuracy.value
    assert "-- 5/5" in err
    assert "clips/s" not in err


def test_a_dry_run_names_every_part_and_makes_none(tmp_path, capsys):
    words = ["--out", str(tmp_path / "demo"), "--dry-run"]
    assert command.main(words) == 0
    said = capsys.readouterr().out
    for name in ("videos", "pretrain", "finetune", "scratch", "distill", "report.html"):
        assert str(tmp_path / "demo" / name) in said
    assert not (tmp_path / "demo").exists()
    assert command.main([*words, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert plan["run"] == [line[9:] for line in said.splitlines() if line.startswith("run ")]


def test_too_few_videos_are_refused():
    with pytest.raises(ConfigError, match="--videos is 59; the demo wants 60 or more"):
        command.main(["--videos", "59"])
