"""Fine-tuning from videos to a classifier: what it infers, keeps, refuses, and how it goes on."""

import errno
import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.helpers.distill_runs import ENCODER
from tests.helpers.finetune_runs import CLASSES, class_folders, small_finetune
from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import small_run, stop_after
from videomae2.base.provenance import read_provenance
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.run import evaluate
from videomae2.commands.train.datasets import load_train_val_data
from videomae2.commands.train.finetune import dry_run, finetune
from videomae2.commands.train.pretrain import pretrain
from videomae2.config.checks import check_run
from videomae2.config.files import load_config
from videomae2.config.runs import CheckpointConfig, ValidationConfig
from videomae2.data.augment.augment import AugmentConfig
from videomae2.data.augment.erasing import EraseConfig
from videomae2.data.augment.mixing import MixConfig
from videomae2.data.augment.rand_augment import RandAugmentConfig
from videomae2.data.loading.reading import ReadingConfig
from videomae2.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    Interrupted,
    NonFiniteLossError,
    TooManyUnreadableError,
)
from videomae2.models.lora import LoraConfig, TuningConfig
from videomae2.models.task_type import TASK_TYPES
from videomae2.models.weights.config_json import (
    FrameSampling,
    SavedClassifierConfig,
    load_model_config,
)
from videomae2.models.weights.init_from import InitConfig
from videomae2.models.weights.resolve import load_classifier, resolve_checkpoint
from videomae2.models.weights.saved import load_saved_state
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tensors.pos_embed import build_pos_embed


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return class_folders(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="module")
def parent(videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("parent") / "run"
    pretrain(small_run(videos, out, epochs=1.0))
    return out


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    steps = {line["step"]: line for line in lines if "loss" in line}
    looks = {line["step"]: line for line in lines if "validation/loss" in line}
    return steps, looks


def test_a_folder_per_class_is_enough(videos, tmp_path):
    said = []
    with logging_to(said.append):
        best = finetune(small_finetune(videos, tmp_path / "run"))
    text = "\n".join(said)
    assert f"classes  3: {', '.join(CLASSES)}" in text
    assert "         3 videos each to train on" in text
    assert "val      3 of 12 videos" in text
    assert "from scratch" in text
    model, card = load_classifier(best, torch.device("cpu"))
    assert isinstance(card, SavedClassifierConfig)
    assert card.class_names == CLASSES
    assert card.frame_sampling == FrameSampling(
        kind="strided", frame_interval=2.0, interval_unit="frames"
    )
    assert model.config.num_classes == 3


def test_the_best_of_all_looks_is_kept(videos, tmp_path):
    run = small_finetune(videos, tmp_path / "run")
    best = finetune(run)
    steps, looks = metrics(run.output_dir)
    assert sorted(steps) == list(range(8))
    assert sorted(looks) == [2, 5, 7]  # after 3, 6 and all steps
    found = load_model_config(best).metadata
    ranks = {s: (v["validation/accuracy"], -v["validation/loss"]) for s, v in looks.items()}
    assert found["step"] == max(ranks, key=ranks.get) + 1
    assert found["validation"]["accuracy"] == pytest.approx(max(ranks.values())[0], rel=1e-5)


@pytest.mark.slow
def test_training_is_not_changed_by_looking(videos, tmp_path):
    run = small_finetune(videos, tmp_path / "a")
    finetune(run)
    often = replace(
        run,
        validation=replace(run.validation, interval=1),
        output_dir=tmp_path / "b",
    )
    finetune(often)
    assert losses_of(tmp_path / "a") == losses_of(tmp_path / "b")


def losses_of(folder):
    steps, _ = metrics(folder)
    return {step: (line["loss"], line["grad_norm"]) for step, line in steps.items()}


@pytest.mark.parametrize("lora", [LoraConfig(), LoraConfig(rank=2)])
def test_stopped_and_gone_on_it_ends_the_same(videos, parent, tmp_path, lora):
    run = small_finetune(
        videos,
        tmp_path / "whole",
        init=InitConfig(weights=parent),
        tuning=TuningConfig(lora=lora),
    )
    finetune(run)
    parts = replace(run, output_dir=tmp_path / "parts")
    with pytest.raises(Interrupted), logging_to(stop_after(1, signal.SIGTERM)):
        finetune(parts)
    finetune(parts, resume=True)
    assert losses_of(tmp_path / "parts") == losses_of(tmp_path / "whole")
    for place in ("best", "checkpoints/step-00000008"):
        one, other = (load_saved_state(tmp_path / name / place) for name in ("whole", "parts"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_it_starts_from_a_pretraining_run(videos, parent, tmp_path):
    said = []
    run = small_finetune(videos, tmp_path / "run", init=InitConfig(weights=parent))
    with logging_to(said.append):
        finetune(run)
    start = next(line for line in said if line.startswith("start"))
    assert f"weights of {parent}" in start
    assert "norm: fresh; head: fresh" in start


def test_time_slots_are_fine_tuned_evaluated_and_started_from(videos, parent, tmp_path):
    run = small_finetune(videos, tmp_path / "run", init=InitConfig(weights=parent))
    run = replace(run, model=replace(run.model, global_pool="slots"))
    assert "the head reads 2 time slots" in str(dry_run(run))
    finetune(run)
    model, card = load_classifier(tmp_path / "run", torch.device("cpu"))
    assert (card.model.global_pool, model.head.in_features) == ("slots", 2 * 24)
    config = EvaluateConfig(device="cpu", reading=ReadingConfig(num_workers=0))
    assert evaluate(tmp_path / "run", videos, out=tmp_path / "out", config=config)
    again = replace(run, output_dir=tmp_path / "again", init=InitConfig(weights=tmp_path / "run"))
    assert "norm: the parent's; head: kept: the same 3 classes" in str(dry_run(again))
    longer = replace(again, model=replace(again.model, encoder=replace(ENCODER, frames=6)))
    with pytest.raises(CheckpointError, match=r"slots, 2 of them\), the one here 72"):
        dry_run(longer)


def test_one_time_slot_is_no_choice(videos, tmp_path):
    run = small_finetune(videos, tmp_path / "run")
    model = replace(run.model, global_pool="slots", encoder=replace(ENCODER, frames=2))
    with pytest.raises(ConfigError, match=r"--model.global-pool slots has no effect on clips of 2"):
        check_run(replace(run, model=model))


@pytest.mark.parametrize("search", ["bytes", "near", "off"])
def test_held_out_videos_that_are_trained_on_under_another_name_are_said(videos, tmp_path, search):
    copies = class_folders(tmp_path / "copies")
    run = small_finetune(copies, tmp_path / "run")
    original = sorted((copies / "grows").iterdir())[0]
    for letter in "abcdefgh":  # until the two stand on two sides
        copy = original.with_name(f"{letter}.mp4")
        shutil.copy(original, copy)
        held_out = {Path(path).name for path in load_train_val_data(run).val.manifests[0].paths}
        if (copy.name in held_out) != (original.name in held_out):
            break
        copy.unlink()
    run = replace(run, validation=replace(run.validation, find_duplicates=search))
    text = str(dry_run(run))
    assert (copy.name in text) == (search != "off")
    assert ("of videos on both sides" in text) == (search != "off")


def test_doubles_are_not_looked_for_where_nothing_is_held_out(videos, tmp_path):
    validation = ValidationConfig(share=0.0, find_duplicates="near")
    with pytest.raises(ConfigError, match=r"--validation.find-duplicates near has no effect where"):
        check_run(small_finetune(videos, tmp_path / "run", validation=validation))


def test_a_frozen_model_keeps_its_weights(videos, parent, tmp_path):
    run = small_finetune(
        videos,
        tmp_path / "run",
        init=InitConfig(weights=parent),
        tuning=TuningConfig(frozen_blocks=1),
    )
    tuned = load_saved_state(finetune(run))
    before = load_saved_state(parent / "checkpoints" / "step-00000001")
    shared = [name for name in tuned if name.startswith("encoder.blocks")]
    assert shared
    assert all(torch.equal(tuned[name], before[name]) for name in shared)
    assert tuned["head.weight"].abs().max() > 0


def test_the_mean_of_the_weights_is_what_is_looked_at(videos, tmp_path):
    """With a decay of almost 1 the mean is the start, whatever was learnt."""
    run = small_finetune(videos, tmp_path / "run")
    best = finetune(replace(run, optim=replace(run.optim, ema_decay=1 - 1e-9)))
    _, looks = metrics(tmp_path / "run")
    assert len({line["validation/loss"] for line in looks.values()}) == 1
    learnt = load_saved_state(tmp_path / "run" / "checkpoints" / "step-00000008")
    kept = load_saved_state(best)
    assert not torch.equal(kept["head.weight"], learnt["head.weight"])


def test_a_kill_while_the_best_changes_places_loses_nothing(videos, tmp_path):
    """Between two renames only the one before is there: it is used, and put back on going on."""
    run = small_finetune(videos, tmp_path / "run")
    best = finetune(run)
    weights, old = load_saved_state(best), best.with_name(".best.bak")
    best.rename(old)
    assert resolve_checkpoint(run.output_dir).path == old
    finetune(run)
    assert not old.exists()
    assert all(torch.equal(load_saved_state(best)[name], value) for name, value in weights.items())


def full_disk_for_the_best(monkeypatch, *, times):
    """Make so many of the first tries to keep a best model fail."""
    from videomae2.commands.train import resume as module

    real, tries = module.save_model, []

    def sometimes(folder, state, card):
        real(folder, state, card)
        if folder.name == ".best.partial":
            tries.append(folder)
            if len(tries) <= times:
                raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "save_model", sometimes)


def test_a_best_model_that_finds_no_room_does_not_end_the_training(videos, tmp_path, monkeypatch):
    full_disk_for_the_best(monkeypatch, times=1)
    run, said = small_finetune(videos, tmp_path / "run"), []
    with logging_to(said.append):
        best = finetune(run)
    kept = [line for line in said if line.startswith("cannot save ")]
    assert len(kept) == 1
    assert kept[0].startswith(f"cannot save {best}: ")
    assert kept[0].endswith("training goes on, the next try is at the next better evaluation")
    assert load_model_config(best).metadata["step"] in (6, 8), "the look after step 3 found no room"
    assert sorted(metrics(run.output_dir)[1]) == [2, 5, 7]


def test_a_best_model_that_finds_no_room_at_the_end_is_an_error(videos, tmp_path, monkeypatch):
    full_disk_for_the_best(monkeypatch, times=9)
    run = small_finetune(videos, tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"cannot save .*best: .*free some room, and"):
        finetune(run)
    assert not list(run.output_dir.glob(".best*"))
    monkeypatch.undo()
    said = []
    with logging_to(said.append):
        assert finetune(run) == run.output_dir / "best"
    assert any(line.startswith("resume   at step 6 ") for line in said)


@pytest.mark.parametrize("task_type", ["multiclass", "multilabel"])
def test_held_out_scores_that_are_not_finite_end_the_run_in_words(videos, tmp_path, task_type):
    lines = [f"{path},{name}" for name in CLASSES for path in sorted((videos / name).glob("*.mp4"))]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *lines]) + "\n")
    run = small_finetune(tmp_path / "list.csv", tmp_path / "run")
    run = replace(run, task=ClassifyConfig(task_type=task_type))
    run = replace(run, optim=replace(run.optim, lr=1e18, warmup_epochs=0.0))
    with pytest.raises(NonFiniteLossError, match="scores of 3 of 3 held-out videos are not finite"):
        finetune(run)
    assert not (tmp_path / "run" / "best").exists()


def test_without_validation_the_last_checkpoint_is_the_result(videos, tmp_path):
    run = small_finetune(videos, tmp_path / "run", validation=ValidationConfig(share=0.0))
    assert finetune(run) == tmp_path / "run" / "checkpoints" / "step-00000012"


def test_held_out_videos_are_never_trained_on(videos, tmp_path):
    finetune(small_finetune(videos, tmp_path / "run"))
    assert read_provenance(tmp_path / "run")["videos"][0]["videos"] == 9


def test_a_list_of_its_own_for_validation(videos, tmp_path):
    held = shutil.copytree(videos, tmp_path / "held")
    run = small_finetune(videos, tmp_path / "run", validation=ValidationConfig(path=held))
    assert f"val      12 videos of {held}" in str(dry_run(run))


def test_training_videos_are_not_held_out_whatever_they_are_called(videos, tmp_path):
    """The best model would be the one that knows them best."""
    held = tmp_path / "held"
    for number, path in enumerate(sorted(videos.rglob("*.mp4"))):
        link = held / path.parent.name / f"{number}.mp4"
        link.parent.mkdir(parents=True, exist_ok=True)
        if number % 4:
            shutil.copy(path, link)
        else:
            link.symlink_to(path)
    run = small_finetune(videos, tmp_path / "run", validation=ValidationConfig(path=held))
    first = held / "grows" / "0.mp4"
    wanted = f"3 of the 12 videos of --validation.path {held} are also training videos, such as "
    with pytest.raises(DataError, match=f"{wanted}{first}; take them out of one list, or hold"):
        dry_run(run)


def labelled_table(path, videos, labels):
    """All videos in the order of their paths, with one of the labels each in turn."""
    files = sorted(videos.rglob("*.mp4"))
    rows = [f"{file},{labels[n % len(labels)]}\n" for n, file in enumerate(files)]
    path.write_text("path,label\n" + "".join(rows))
    return path


def test_held_out_videos_without_any_label_are_refused_before_training(videos, tmp_path):
    table = labelled_table(tmp_path / "list.csv", videos, ("a", "a;b", "b"))
    other = shutil.copytree(videos, tmp_path / "other")
    held = labelled_table(tmp_path / "held.csv", other, ("",))
    task = ClassifyConfig(task_type="multilabel")
    run = small_finetune(table, tmp_path / "run", task=task, validation=ValidationConfig(path=held))
    wanted = r"none of the 12 held-out videos has any of the 2 labels.*--validation.share 0$"
    with pytest.raises(DataError, match=wanted):
        finetune(run)
    assert not (tmp_path / "run").exists()


def test_where_those_with_labels_cannot_be_read_it_is_said():
    with pytest.raises(DataError, match="none of the held-out videos that can be read has any"):
        TASK_TYPES["multilabel"].compute_metrics(torch.zeros(2, 3), torch.zeros(2, 3), 1.0)
    metrics = TASK_TYPES["multilabel"].compute_metrics(torch.zeros(2, 3), torch.eye(3)[:2], 1.0)
    assert metrics["mAP"] == 0.5


def test_labels_that_may_be_several(videos, tmp_path):
    lines = ["path,label"]
    for name, labels in zip(CLASSES, ("a;b", "b", ""), strict=True):
        lines += [f"{path},{labels}" for path in sorted((videos / name).glob("*.mp4"))]
    table = tmp_path / "list.csv"
    table.write_text("\n".join(lines) + "\n")
    run = small_finetune(table, tmp_path / "run")
    task = ClassifyConfig(task_type="multilabel", balance=0.5)
    best = finetune(replace(run, task=task))
    card = load_model_config(best)
    assert card.class_names == ("a", "b")
    assert card.task_type == "multilabel"
    assert "mAP" in card.metadata["validation"]


def test_going_on_with_other_classes_shows_them(videos, tmp_path):
    """The same 12 videos under another name of a class."""
    shutil.copytree(videos, tmp_path / "v")
    run = small_finetune(tmp_path / "v", tmp_path / "run")
    finetune(run)
    (tmp_path / "v" / "grows").rename(tmp_path / "v" / "swells")
    with pytest.raises(ConfigError) as caught:
        finetune(run)
    assert (
        "  videos of v: 9 before → 9 now, not the same list; its classes are others:\n"
        "      before  3: grows, moves_left, spins_clockwise\n"
        "      now     3: moves_left, spins_clockwise, swells\n"
    ) in str(caught.value)


def test_numbers(videos, tmp_path):
    lines = ["path,speed,angle"]
    lines += [f"{path},{900 + n / 10},-1" for n, path in enumerate(sorted(videos.rglob("*.mp4")))]
    table = tmp_path / "list.csv"
    table.write_text("\n".join(lines) + "\n")
    run = small_finetune(table, tmp_path / "run")
    columns = replace(run.labels, columns=("speed", "angle"))
    run = replace(run, task=ClassifyConfig(task_type="regression"), labels=columns)
    assert "CSV table of 12 entries, columns path, speed, angle, " in str(dry_run(run))
    best = finetune(run)
    assert load_model_config(best).class_names == ("speed", "angle")
    assert list(load_model_config(best).metadata["validation"]) == ["mae", "loss"]
    assert (
        load_model_config(best).metadata["validation"]["mae"] < 2
    )  # deviations: far from 900 units
    assert load_model_config(best).target_scaler.mean == pytest.approx((900.7, -1), abs=0.5)
    table.write_text("\n".join(lines).replace("900.3,", "fast,") + "\n")
    with pytest.raises(DataError, match=r"list.csv:5: 'fast' in the column speed is no number"):
        finetune(run)


def test_one_class_is_none(videos, tmp_path):
    only = tmp_path / "only"
    shutil.copytree(videos / "grows", only / "grows")
    with pytest.raises(DataError, match="only has one class only, 'grows'; a classifier wants two"):
        finetune(small_finetune(only, tmp_path / "run"))


def test_a_run_folder_of_pretraining_is_refused(videos, parent):
    with pytest.raises((ConfigError, CheckpointError)):
        finetune(small_finetune(videos, parent))


def test_a_parent_of_another_size_is_refused(videos, parent, tmp_path):
    run = small_finetune(videos, tmp_path / "run", init=InitConfig(weights=parent))
    wide = replace(run.model, encoder=replace(run.model.encoder, embed_dim=48))
    with pytest.raises(CheckpointError, match="48"):
        finetune(replace(run, model=wide))


def other_clips(run, pos_embed="auto"):
    encoder = replace(run.model.encoder, frames=6, height=48)
    init = replace(run.init, pos_embed=pos_embed)
    return replace(run, model=replace(run.model, encoder=encoder), init=init)


@pytest.mark.slow
def test_clips_of_another_size_keep_the_parents_position_table(videos, parent, tmp_path):
    run = small_finetune(videos, tmp_path / "whole", init=InitConfig(weights=parent))
    run = other_clips(run)
    said = "positions: the table for 2x4x4 cubes, with which the weights were trained, resampled"
    assert said in str(dry_run(run))
    lines = []
    with logging_to(lines.append):
        best = finetune(run)
    assert said in "\n".join(lines)
    parts = replace(run, output_dir=tmp_path / "parts")
    with pytest.raises(Interrupted), logging_to(stop_after(1, signal.SIGTERM)):
        finetune(parts)
    assert load_config(
        type(run), tmp_path / "parts" / "run.yaml"
    ).model.encoder.pretrained_grid == (2, 4, 4)
    finetune(parts, resume=True)
    assert losses_of(tmp_path / "parts") == losses_of(tmp_path / "whole")
    model, card = load_classifier(tmp_path / "whole", torch.device("cpu"))
    assert (
        card.model.encoder.pretrained_grid
        == load_model_config(best).model.encoder.pretrained_grid
        == (2, 4, 4)
    )
    assert torch.equal(
        model.encoder.pos_embed, build_pos_embed((3, 6, 4), 24, pretrained_grid=(2, 4, 4))
    )


def test_a_fresh_position_table_for_clips_of_another_size(videos, parent, tmp_path):
    run = small_finetune(videos, tmp_path / "run", init=InitConfig(weights=parent))
    run = other_clips(run, "reinit")
    run = replace(run, optim=replace(run.optim, epochs=1.0))
    lines = []
    with logging_to(lines.append):
        best = finetune(run)
    assert "positions: a fresh table for 3x6x4 cubes, not the one for 2x4x4" in "\n".join(lines)
    assert load_model_config(best).model.encoder.pretrained_grid is None


def test_losses_go_down(videos, tmp_path):
    run = small_finetune(videos, tmp_path / "run", validation=ValidationConfig(share=0.0))
    plain = AugmentConfig(
        rand_augment=RandAugmentConfig(num_ops=0),
        erase=EraseConfig(prob=0.0),
        mix=MixConfig(prob=0.0),
    )
    optim = replace(run.optim, lr=0.5, epochs=40.0)
    few = CheckpointConfig(interval=100)
    finetune(replace(run, optim=optim, augment=plain, checkpoint=few))
    found = [loss for _, (loss, _) in sorted(losses_of(tmp_path / "run").items())]
    assert sum(found[-6:]) < 0.8 * sum(found[:6])


def test_changed_labels_are_noticed_when_going_on(videos, tmp_path):
    """Labels of which any number holds stand in no manifest, and their names in another file."""
    names, table = tmp_path / "names.txt", tmp_path / "list.csv"
    names.write_text("a\nb\n")
    paths = sorted(videos.rglob("*.mp4"))
    table.write_text("path,label\n" + "".join(f"{p},{'ab'[n % 2]}\n" for n, p in enumerate(paths)))
    run = small_finetune(table, tmp_path / "run", task=ClassifyConfig(task_type="multilabel"))
    run = replace(run, labels=replace(run.labels, class_names=names))
    with pytest.raises(Interrupted), logging_to(stop_after(1, signal.SIGTERM)):
        finetune(run)
    names.write_text("b\na\n")
    with pytest.raises(ConfigError, match="not the same list"):
        finetune(run)
    names.write_text("a\nb\n")
    table.write_text("path,label\n" + "".join(f"{p},a\n" for p in paths))
    with pytest.raises(ConfigError, match="not the same list"):
        finetune(run)


def test_other_held_out_videos_are_noticed_when_going_on(videos, tmp_path):
    held = tmp_path / "held"
    shutil.copytree(videos, held)
    run = small_finetune(
        videos, tmp_path / "run", validation=ValidationConfig(path=held, interval=3)
    )
    with pytest.raises(Interrupted), logging_to(stop_after(1, signal.SIGTERM)):
        finetune(run)
    for folder in held.iterdir():
        next(folder.glob("*.mp4")).unlink()
    with pytest.raises(ConfigError, match=r"videos of v, held out: 12 before → 9 now"):
        finetune(run)


@pytest.mark.slow
def test_unreadable_held_out_videos_are_said_and_listed(videos, tmp_path):
    held = tmp_path / "held"
    shutil.copytree(videos, held)
    broken = sorted(held.rglob("*.mp4"))[0]
    broken.write_bytes(b"no video")
    run = small_finetune(
        videos, tmp_path / "run", validation=ValidationConfig(path=held, interval=3)
    )
    said = []
    with logging_to(said.append):
        finetune(run)
    looks = [line for line in said if line.startswith("val at")]
    assert looks
    assert all(line.endswith("(1 video unreadable)") for line in looks)
    listed = json.loads((tmp_path / "run" / "val" / "unreadable.jsonl").read_text())
    assert listed["path"] == str(broken)
    for path in sorted(held.rglob("*.mp4"))[1:4]:
        path.write_bytes(b"no video")
    strict = replace(run, output_dir=tmp_path / "strict")
    with pytest.raises(TooManyUnreadableError, match="of 12 videos cannot be read"):
        finetune(strict)


@pytest.mark.slow
def test_a_run_starts_from_the_best_of_another_and_its_mean(videos, tmp_path):
    first = small_finetune(videos, tmp_path / "first")
    best = finetune(replace(first, optim=replace(first.optim, ema_decay=0.5)))
    said = []
    second = small_finetune(
        videos, tmp_path / "second", init=InitConfig(weights=tmp_path / "first")
    )
    with logging_to(said.append):
        finetune(second)
    assert f"weights of {best}" in "\n".join(said)
