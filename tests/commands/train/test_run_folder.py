"""What a run finds in its folder before it begins, and what a dry run says of that."""

import json
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.finetune_runs import small_finetune
from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import losses, small_run, small_videos
from videomae2.cli.main import main
from videomae2.commands.train import run as run_module
from videomae2.commands.train.pretrain import dry_run, pretrain
from videomae2.commands.train.run_folder import (
    check_resume_compatible,
    delete_log,
    write_run_files,
)
from videomae2.config.files import save_config, to_builtin
from videomae2.config.runs import LoggingConfig
from videomae2.errors import ConfigError, NonFiniteLossError
from videomae2.models.weights.init_from import InitConfig


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return small_videos(tmp_path_factory.mktemp("videos"))


def hopeless(videos, folder):
    """A run that ends before its first checkpoint, since its rate is far too large."""
    run = small_run(videos, folder, epochs=5.0)
    return replace(
        run,
        optim=replace(run.optim, lr=1e15),
        max_nonfinite_steps=3,
        checkpoint=replace(run.checkpoint, interval=100),
        logging=LoggingConfig(interval=1),
        reading=replace(run.reading, timeout_seconds=60.0),
    )


def with_lr(run, lr):
    return replace(run, optim=replace(run.optim, lr=lr))


def test_without_a_checkpoint_another_run_begins_in_the_same_folder(videos, tmp_path):
    run, said = hopeless(videos, tmp_path / "run"), []
    with pytest.raises(NonFiniteLossError, match=r"smaller --optim\.lr"):
        pretrain(run)
    (tmp_path / "run" / "notes.txt").write_text("mine")
    (tmp_path / "run" / "unreadable.jsonl").write_text("of other videos")
    before = sorted(tmp_path.rglob("*"))
    assert "in place of another run" in str(dry_run(with_lr(run, 1e-3)))
    assert sorted(tmp_path.rglob("*")) == before
    with logging_to(said.append):
        pretrain(with_lr(run, 1e-3))
    assert any("in place of another run" in line for line in said)
    assert not (tmp_path / "run" / "unreadable.jsonl").exists()
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"
    pretrain(with_lr(hopeless(videos, tmp_path / "fresh"), 1e-3))
    assert losses(tmp_path / "run") == losses(tmp_path / "fresh")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(10))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.yaml", "seed: 7  # mine"),
        ("metrics.jsonl", "{}\n"),
        ("unreadable.jsonl", ""),
        ("best/model.safetensors", "weights"),
        ("provenance.json", '{"model": "another kind of result"}'),
    ],
)
def test_nothing_of_others_is_written_over(videos, tmp_path, name, content):
    place = tmp_path / "run" / name
    place.parent.mkdir(parents=True)
    place.write_text(content)
    run = small_run(videos, tmp_path / "run", epochs=1.0)
    shown = re.escape(str(tmp_path / "run" / name.split("/")[0]))
    for start in (dry_run, pretrain):
        with pytest.raises(ConfigError, match=rf"^{shown} would be written over.*another --out"):
            start(run)
    assert place.read_text() == content
    assert {path.name for path in place.parent.iterdir()} - {".lock"} - {"best"} == {place.name}


def test_files_of_other_names_keep_nobody_from_training(videos, tmp_path):
    (tmp_path / "train.log").write_text("of a shell")
    pretrain(small_run(videos, tmp_path, epochs=1.0))
    assert (tmp_path / "train.log").read_text() == "of a shell"


def test_a_model_of_another_run_is_not_written_over(videos, tmp_path):
    run = hopeless(videos, tmp_path / "run")
    with pytest.raises(NonFiniteLossError):
        pretrain(run)
    before = (tmp_path / "run" / "metrics.jsonl").read_text()
    for name in ("best", ".best.bak"):
        (tmp_path / "run" / name).mkdir()
        for start in (dry_run, pretrain):
            with pytest.raises(ConfigError, match=rf"a model in .*{re.escape(name)}; choose"):
                start(with_lr(run, 1e-3))
        assert (tmp_path / "run" / name).is_dir()
        (tmp_path / "run" / name).rmdir()
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == before


def test_the_same_run_begins_again_as_itself(videos, tmp_path):
    run, said = hopeless(videos, tmp_path / "run"), []
    for _ in range(2):
        with pytest.raises(NonFiniteLossError), logging_to(said.append):
            pretrain(run)
    assert not any("another run" in line for line in said)


def test_a_dry_run_says_where_it_would_go_on_and_changes_nothing(videos, tmp_path):
    run = small_run(videos, tmp_path / "run")
    assert "nothing to go on with: the first step" in str(dry_run(run))
    assert not (tmp_path / "run").exists()
    last = pretrain(run)
    assert f"would go on at step 6 of 6 from {last}" in str(dry_run(run))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match=r"(?s)optim.lr: 0.01 before → 0.5 now.*or another --out"):
        dry_run(with_lr(run, 0.5))
    assert sorted(tmp_path.rglob("*")) == before
    shutil.rmtree(last.parent)
    assert "nothing to go on with: the first step" in str(dry_run(run))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_first_step_ends_with_75_and_a_sentence(
    videos, tmp_path, monkeypatch, capsys, number
):
    real = run_module.MetricsLogger

    def asked(*words, **named):
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(number)
        return real(*words, **named)

    monkeypatch.setattr(run_module, "MetricsLogger", asked)
    save_config(small_run(videos, tmp_path / "run"), tmp_path / "config.yaml")
    assert main(["pretrain", "--config", str(tmp_path / "config.yaml")]) == 75
    said = capsys.readouterr().err
    assert said == f"videomae2: asked to stop by {number.name}; the first step was not done yet\n"


def test_a_signal_while_lists_are_read_ends_it_there(videos, tmp_path, monkeypatch, capsys):
    from videomae2.commands.train import pretrain as module

    real = module.load_manifests

    def asked(data):
        signal.raise_signal(signal.SIGTERM)
        return real(data)

    monkeypatch.setattr(module, "load_manifests", asked)
    save_config(small_run(videos, tmp_path / "run"), tmp_path / "config.yaml")
    assert main(["pretrain", "--config", str(tmp_path / "config.yaml")]) == 75
    assert "asked to stop by SIGTERM before the first step" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_log_is_deleted_whole_and_nothing_else(tmp_path):
    for name in ("tensorboard", "checkpoints"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    for name in ("metrics.jsonl", "unreadable.jsonl", "run.yaml", "provenance.json", "notes.txt"):
        (tmp_path / name).write_text(name)
    for _ in range(2):
        delete_log(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"checkpoints", "notes.txt"}


@pytest.mark.parametrize("name", ["\U0001f600", "Übung ß", "日本", "a\udcffb", "a: 'b' \"c\" #d"])
def test_a_run_goes_on_whatever_characters_its_settings_have(tmp_path, name):
    init = InitConfig(weights=tmp_path / name, class_names=Path(name))
    run = small_finetune(tmp_path / name, tmp_path, init=init)
    provenance = {"settings": to_builtin(run), "videos": []}
    write_run_files(run, provenance)
    for _ in ("provenance.json", "run.yaml"):
        check_resume_compatible(run, provenance)
        with pytest.raises(ConfigError, match=r"init.weights: .* before → other now"):
            check_resume_compatible(
                replace(run, init=replace(init, weights=Path("other"))), provenance
            )
        (tmp_path / "provenance.json").unlink(missing_ok=True)


def test_what_a_run_was_started_with_is_not_known_where_its_file_is_broken(videos, tmp_path):
    run, said = small_run(videos, tmp_path / "run", epochs=1.0), []
    last = pretrain(run)
    listed = tmp_path / "run" / "provenance.json"
    for text in ("", "[]", '{"settings": {}, "videos": [{"no": "list"}]}'):
        listed.write_text(text)
        with pytest.raises(
            ConfigError, match=r"(?s)provenance.json cannot be read: .*delete it to go on"
        ):
            pretrain(run)
    listed.unlink()
    for start in (dry_run, pretrain):
        with pytest.raises(
            ConfigError, match=r"(?s)optim.lr: 0.01 before → 0.5 now.*or another --out"
        ):
            start(with_lr(run, 0.5))
    settings = (tmp_path / "run" / "run.yaml").read_text()
    (tmp_path / "run" / "run.yaml").write_text("seed: none")
    with pytest.raises(ConfigError, match=r"(?s)run.yaml cannot be read: .*without comparing"):
        pretrain(run)
    (tmp_path / "run" / "run.yaml").write_text(settings)
    assert pretrain(run) == last
    listed.write_text("")
    shutil.rmtree(last.parent)
    with logging_to(said.append):
        assert pretrain(run) == last
    assert any("in place of another run" in line for line in said)
