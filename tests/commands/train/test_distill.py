"""Distillation from videos to students: one view for all, exact resumes, equal caches, refusals."""

import json
import shutil
import signal
from dataclasses import replace

import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from tests.helpers.distill_runs import make_teacher, small_distill, student
from tests.helpers.finetune_runs import CLASSES, class_folders
from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import stop_after
from videomae2.commands.train.distill import distill
from videomae2.config.runs import ValidationConfig
from videomae2.errors import CheckpointError, ConfigError, Interrupted
from videomae2.models.classifier import Classifier
from videomae2.models.encoder import VideoEncoder
from videomae2.models.weights.config_json import FrameSampling, load_model_config
from videomae2.models.weights.resolve import load_classifier
from videomae2.models.weights.saved import load_saved_state
from videomae2.tasks.distill import DistillConfig, TeacherConfig
from videomae2.tensors.files import load_tensors

TEACHER_DIM = 32
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return class_folders(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return make_teacher(tmp_path_factory.mktemp("teachers") / "teacher")


def everything(videos, weights, out, model=None, **changed):
    """All terms, augmented and mixed clips."""
    run = small_distill(
        videos,
        weights,
        out,
        model=model or student(drop_path=0.1),
        task=DistillConfig(hard_weight=0.3, feature_weight=0.5),
    )
    run = replace(run, optim=replace(run.optim, clip_norm=1.0, ema_decay=0.9))
    return replace(run, reading=replace(run.reading, num_workers=0), **changed)


DEEP = student(depth=2, embed_dim=16, drop_path=0.4)


def looking(run):
    """Run it; also give what its models saw and what it said."""
    seen, said = [], []

    def look(module, inputs):
        if isinstance(module, VideoEncoder):
            seen.append((module.config, module.training, inputs[0].detach().clone()))

    hook = register_module_forward_pre_hook(look)
    try:
        with logging_to(said.append):
            best = distill(run)
    finally:
        hook.remove()
    return best, seen, "\n".join(said)


@pytest.fixture(scope="module")
def done(videos, teacher, tmp_path_factory):
    """A finished run that filled a cache, what its models saw, and what it said."""
    folder = tmp_path_factory.mktemp("done")
    run = everything(
        videos, teacher, folder / "run",
        teacher=TeacherConfig(weights=teacher, cache_dir=folder / "cache"),
    )  # fmt: skip
    return run, *looking(run)


def steps_of(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line for line in lines if "loss" in line}


def looks_of(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if any(name.startswith("validation/") for name in line)]


PARTS = ("loss", "grad_norm", "kl", "hard", "features", "agreement", "accuracy", "teacher_accuracy")


def results_of(folder):
    return {n: [line[part] for part in PARTS] for n, line in steps_of(folder).items()}


def same_weights(one, other):
    one, other = load_saved_state(one), load_saved_state(other)
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


# ---- what a run gives


def test_a_student_is_a_classifier_with_a_lineage(done, teacher):
    run, best, _, said = done
    assert best == run.output_dir / "best"
    model, card = load_classifier(run.output_dir, CPU)
    assert isinstance(model, Classifier)
    assert card.class_names == CLASSES
    assert card.frame_sampling == FrameSampling(
        kind="strided", frame_interval=2.0, interval_unit="frames"
    )
    assert card.metadata["parents"]["teacher"]["path"] == str(teacher)
    assert len(card.metadata["parents"]["teacher"]["digest"]) == 16
    assert card.metadata["ema"] is True
    assert f"best     {best}, of step {card.metadata['step']}" in said
    assert "teacher  loaded from" in said


def test_the_best_of_all_looks_is_kept(done):
    run, best, _, _ = done
    looks = looks_of(run.output_dir)
    assert [x["step"] for x in looks] == [2, 5, 7]
    ranks = {x["step"]: (x["validation/accuracy"], -x["validation/loss"]) for x in looks}
    assert load_model_config(best).metadata["step"] == max(ranks, key=ranks.get) + 1
    assert {f"validation/{n}" for n in ("agreement", "kl", "teacher_accuracy")} < {*looks[0]}


def test_metrics_tell_the_parts_of_the_loss(done):
    run, *_ = done
    for line in steps_of(run.output_dir).values():
        want = 9 * line["kl"] + 0.3 * line["hard"] + 0.5 * line["features"]
        assert line["loss"] == pytest.approx(want, rel=1e-4)
        assert {"agreement", "accuracy", "teacher_accuracy"} < set(line)


def test_teacher_and_student_see_the_identical_pixels(done):
    """Augmented, mixed, cut and normalised: the same to the bit, in every part of every step."""
    _, _, seen, _ = done
    asked = [
        number
        for number, (encoder, _, _) in enumerate(seen[:-1])
        if encoder.embed_dim == TEACHER_DIM and seen[number + 1][1]  # a student in training answers
    ]
    assert len(asked) == 8 * 2
    mixed = 0
    for number in asked:
        (_, learns, view), (learner, _, one) = seen[number : number + 2]
        assert (learns, learner.embed_dim) == (False, 24)
        assert torch.equal(view, one)
        mixed += any_between(view)
    assert mixed >= 4


def any_between(values):
    """Whether pixels lie between the 256 values of a video, as only mixing and noise put them."""
    std = torch.tensor((0.229, 0.224, 0.225)).repeat(values.shape[2] // 3)
    mean = torch.tensor((0.485, 0.456, 0.406)).repeat(values.shape[2] // 3)
    x = (values * std + mean) * 255
    return bool(((x - x.round()).abs() > 0.01).float().mean() > 0.2)


# ---- to the bit


def test_stopped_and_gone_on_it_ends_the_same(done, videos, teacher, tmp_path):
    run, *_ = done
    parts = everything(videos, teacher, tmp_path / "parts")
    with pytest.raises(Interrupted), logging_to(stop_after(1, signal.SIGTERM)):
        distill(parts)
    distill(parts, resume=True)
    whole, other = steps_of(run.output_dir), steps_of(tmp_path / "parts")
    assert {n: (x["loss"], x["grad_norm"]) for n, x in whole.items()} == {
        n: (x["loss"], x["grad_norm"]) for n, x in other.items()
    }
    for place in ("best", "checkpoints/step-00000008"):
        assert same_weights(run.output_dir / place, tmp_path / "parts" / place)
    projection = "checkpoints/step-00000008/task.safetensors"
    assert (run.output_dir / projection).read_bytes() == (
        tmp_path / "parts" / projection
    ).read_bytes()


def test_another_student_learns_from_the_cache_alone_as_it_would_from_the_teacher(
    done, videos, teacher, tmp_path
):
    """The teacher scored the clips of the first student's run: it is neither loaded nor asked."""
    run, *_ = done
    live = everything(videos, teacher, tmp_path / "live", DEEP)
    cached = replace(live, teacher=run.teacher, output_dir=tmp_path / "cached")
    distill(live)
    _, seen, said = looking(cached)
    assert {encoder.embed_dim for encoder, *_ in seen} == {16}
    assert "teacher  loaded from" not in said
    assert "micro-batches were there, 0 not" in said
    assert results_of(tmp_path / "live") == results_of(tmp_path / "cached")
    for place in ("best", "checkpoints/step-00000008"):
        assert same_weights(tmp_path / "live" / place, tmp_path / "cached" / place)


def test_a_cache_of_other_clips_or_another_teacher_is_refused(done, videos, tmp_path):
    run, *_ = done
    there = replace(run, output_dir=tmp_path / "x")
    whole = replace(
        there,
        seed=1,
        validation=ValidationConfig(share=0.0),
        optim=replace(run.optim, ema_decay=None),
    )
    with pytest.raises(ConfigError, match=r"\n  seed: 0 before → 1 now") as caught:
        distill(whole)
    assert "videos of source 0" in str(caught.value)  # nothing is held out, so there are more
    other = make_teacher(tmp_path / "other", sharpness=31.0)
    changed = replace(
        there,
        teacher=replace(run.teacher, weights=other, cache_dtype="float16"),
        task=DistillConfig(),
        optim=replace(run.optim, micro_batch_size=4),
        output_dir=tmp_path / "y",
    )
    with pytest.raises(ConfigError) as caught:
        distill(changed)
    named = [line.strip().split(":")[0] for line in str(caught.value).splitlines()[1:-1]]
    assert named == [
        "teacher",
        "teacher.cache_dtype",
        "features are kept",
        "optim.micro_batch_size",
    ]


def test_a_resume_with_another_teacher_is_refused(videos, teacher, tmp_path):
    shutil.copytree(teacher, tmp_path / "teacher")
    run = small_distill(videos, tmp_path / "teacher", tmp_path / "run")
    run = replace(run, reading=replace(run.reading, num_workers=0))
    with pytest.raises(Interrupted), logging_to(stop_after(1, signal.SIGTERM)):
        distill(run)
    shutil.rmtree(tmp_path / "teacher")
    make_teacher(tmp_path / "teacher", sharpness=31.0)
    with pytest.raises(ConfigError, match=r"\n  teacher: [0-9a-f]{16} before → [0-9a-f]{16} now\n"):
        distill(run)


# ---- unlabelled


def test_without_labels_names_and_judgement_are_the_teachers(videos, tmp_path):
    names = ("a", "b", "c", "d")
    teacher = make_teacher(tmp_path / "teacher", classes=names)
    run = small_distill(videos, teacher, tmp_path / "run", labelled=False)
    run = replace(
        run,
        optim=replace(run.optim, epochs=1.0, warmup_epochs=0.0),
        reading=replace(run.reading, num_workers=0),
        teacher=TeacherConfig(weights=teacher, cache_dir=tmp_path / "cache", cache_dtype="float16"),
    )
    said = []
    with logging_to(said.append):
        best = distill(run)
    assert "classes  4, those of the teacher: a, b, c, d; labels are not looked at" in said[0]
    card = load_model_config(best)
    assert card.class_names == names
    assert list(card.metadata["validation"]) == ["agreement", "loss"]
    assert not any("accuracy" in name for line in steps_of(tmp_path / "run").values()
                   for name in line)  # fmt: skip
    again = replace(run, output_dir=tmp_path / "again")
    with logging_to(said.append):
        distill(again)
    assert same_weights(best, tmp_path / "again" / "best")


def test_without_validation_the_last_checkpoint_is_the_result(videos, teacher, tmp_path):
    run = small_distill(videos, teacher, tmp_path / "run", validation=ValidationConfig(share=0.0))
    run = replace(
        run,
        optim=replace(run.optim, epochs=1.0, warmup_epochs=0.0),
        reading=replace(run.reading, num_workers=0),
    )
    assert distill(run) == tmp_path / "run" / "checkpoints" / "step-00000003"


def test_folders_do_not_tell_which_output_of_a_nameless_teacher_is_which(videos, teacher, tmp_path):
    nameless = tmp_path / "teacher"
    shutil.copytree(teacher, nameless)
    for path in nameless.rglob("config.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "class_names": None}))
    run = small_distill(videos, nameless, tmp_path / "run")
    with pytest.raises(
        CheckpointError, match=r"has no class names.*--labels\.class-names kinetics-710"
    ):
        distill(run)
    names = tmp_path / "names.txt"
    names.write_text("".join(f"{name}\n" for name in CLASSES))
    distill(replace(run, labels=replace(run.labels, class_names=names)))
    assert load_model_config(tmp_path / "run" / "best").class_names == CLASSES


@pytest.mark.parametrize("pools", [("slots", "avg"), ("avg", "slots"), ("slots", "slots")])
def test_features_of_time_slots_are_compared_too(videos, tmp_path, pools):
    there, here = pools
    weights = make_teacher(tmp_path / "teacher", global_pool=there)
    run = small_distill(
        videos,
        weights,
        tmp_path / "run",
        model=replace(student(), global_pool=here),
        task=DistillConfig(hard_weight=0.3, feature_weight=0.5),
    )
    run = replace(run, optim=replace(run.optim, epochs=1.0, warmup_epochs=0.0))
    distill(replace(run, reading=replace(run.reading, num_workers=0)))
    for line in steps_of(run.output_dir).values():
        want = 9 * line["kl"] + 0.3 * line["hard"] + 0.5 * line["features"]
        assert line["loss"] == pytest.approx(want, rel=1e-4)
        assert 0 < line["features"] < 2, "a cosine distance, and of other features"
    (path,) = tmp_path.glob("run/checkpoints/*/task.safetensors")
    num_slots = {"avg": 1, "slots": 2}
    wanted = (32 * num_slots[there], 24 * num_slots[here])
    assert wanted in {value.shape for value in load_tensors(path).values()}
