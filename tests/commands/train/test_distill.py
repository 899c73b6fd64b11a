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
from videomae2.models.weights.classifier_ref import load_classifier
from videomae2.models.weights.config_json import FrameSampling, load_model_config
from videomae2.models.weights.resolve import find_saved_model
from videomae2.models.weights.saved import load_saved_state
from videomae2.tasks.distill import DistillConfig, TeacherConfig

TEACHER_DIM = 32
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return class_folders(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return make_teacher(tmp_path_factory.mktemp("teachers") / "teacher")


def everything(videos, weights, out, **changed):
    """Two students, all terms, augmented and mixed clips."""
    run = small_distill(
        videos,
        weights,
        out,
        students=(
            student("wide", drop_path=0.1),
            student("deep", depth=2, embed_dim=16, drop_path=0.4, lr_mult=0.5),
        ),
        task=DistillConfig(hard_weight=0.3, feature_weight=0.5),
    )
    run = replace(run, optim=replace(run.optim, clip_norm=1.0, ema_decay=0.9))
    return replace(run, loading=replace(run.loading, num_workers=0), **changed)


@pytest.fixture(scope="module")
def done(videos, teacher, tmp_path_factory):
    """A finished run that filled a cache, what its models saw, and what it said."""
    folder = tmp_path_factory.mktemp("done")
    run = everything(
        videos, teacher, folder / "run",
        teacher=TeacherConfig(weights=teacher, cache_dir=folder / "cache"),
    )  # fmt: skip
    seen, said = [], []

    def look(module, inputs):
        if isinstance(module, VideoEncoder):
            seen.append((module.config, module.training, inputs[0].detach().clone()))

    hook = register_module_forward_pre_hook(look)
    try:
        with logging_to(said.append):
            students = distill(run)
    finally:
        hook.remove()
    return run, students, seen, "\n".join(said)


def steps_of(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line for line in lines if "loss" in line}


def looks_of(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if any(name.startswith("validation/") for name in line)]


def same_weights(one, other):
    one, other = load_saved_state(one), load_saved_state(other)
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


# ---- what a run gives


def test_students_are_classifiers_with_a_lineage(done, teacher):
    run, students, _, said = done
    assert students == run.output_dir / "students"
    for one in run.students:
        model, card = load_classifier(students / one.name, CPU)
        assert isinstance(model, Classifier)
        assert card.class_names == CLASSES
        assert card.frame_sampling == FrameSampling(
            kind="strided", frame_interval=2.0, interval_unit="frames"
        )
        assert card.metadata["teacher"]["path"] == str(teacher)
        assert len(card.metadata["teacher"]["digest"]) == 16
        assert card.metadata["ema"] is True
        assert f"student  {students / one.name}, of step {card.metadata['step']}" in said
    assert "teacher  loaded from" in said
    with pytest.raises(CheckpointError, match=r"holds 2 students; give one of .*deep, .*wide"):
        find_saved_model(run.output_dir)


def test_the_best_of_all_looks_is_kept_of_each(done):
    run, students, _, _ = done
    for one in run.students:
        looks = [x for x in looks_of(run.output_dir) if f"validation/{one.name}/loss" in x]
        assert [x["step"] for x in looks] == [2, 5, 7]
        ranks = {
            x["step"]: (x[f"validation/{one.name}/accuracy"], -x[f"validation/{one.name}/loss"])
            for x in looks
        }
        assert (
            load_model_config(students / one.name).metadata["step"] == max(ranks, key=ranks.get) + 1
        )
        assert {f"validation/{one.name}/{n}" for n in ("agreement", "kl", "teacher_accuracy")} < {
            *looks[0]
        }


def test_metrics_tell_each_student(done):
    run, *_ = done
    for line in steps_of(run.output_dir).values():
        for name in ("wide", "deep"):
            parts = {n: line[f"{name}/{n}"] for n in ("kl", "hard", "features", "loss")}
            want = 9 * parts["kl"] + 0.3 * parts["hard"] + 0.5 * parts["features"]
            assert parts["loss"] == pytest.approx(want, rel=1e-4)
            assert {f"{name}/agreement", f"{name}/accuracy"} < set(line)
        total = line["wide/loss"] + line["deep/loss"]
        assert line["loss"] == pytest.approx(total, rel=1e-4)


def test_teacher_and_students_see_the_identical_pixels(done):
    """Augmented, mixed, cut and normalised: the same to the bit, in every part of every step."""
    _, _, seen, _ = done
    asked = [
        number
        for number, (encoder, _, _) in enumerate(seen[:-2])
        if encoder.embed_dim == TEACHER_DIM and seen[number + 1][1]  # a student in training answers
    ]
    assert len(asked) == 8 * 2
    mixed = 0
    for number in asked:
        (_, learns, view), (first, _, one), (second, _, other) = seen[number : number + 3]
        assert (learns, first.embed_dim, second.embed_dim) == (False, 24, 16)
        assert torch.equal(view, one)
        assert torch.equal(view, other)
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
    for name in ("wide", "deep"):
        for place in ("students", "checkpoints/step-00000008"):
            assert same_weights(run.output_dir / place / name, tmp_path / "parts" / place / name)
        projection = f"checkpoints/step-00000008/{name}/projection.safetensors"
        assert (run.output_dir / projection).read_bytes() == (
            tmp_path / "parts" / projection
        ).read_bytes()


def test_another_student_learns_from_the_cache_alone_as_it_would_from_the_teacher(
    done, videos, teacher, tmp_path
):
    """It is the second of two before, asked for live, and alone now, with a teacher unasked."""
    run, *_ = done
    asked = []
    hook = register_module_forward_pre_hook(
        lambda module, _: asked.append(module) if isinstance(module, Classifier) else None
    )
    said = []
    alone = replace(run, students=run.students[1:], output_dir=tmp_path / "alone")
    try:
        with logging_to(said.append):
            distill(alone)
    finally:
        hook.remove()
    assert asked == []
    assert not any("teacher  loaded from" in line for line in said)
    assert any("micro-batches were there, 0 not" in line for line in said)
    live, found = steps_of(run.output_dir), steps_of(tmp_path / "alone")
    for step, line in found.items():
        of_student = {n: v for n, v in line.items() if n.startswith(("deep/", "teacher/"))}
        assert of_student == {n: live[step][n] for n in of_student}
    for place in ("students", "checkpoints/step-00000008"):
        assert same_weights(run.output_dir / place / "deep", tmp_path / "alone" / place / "deep")


def test_a_cache_of_other_clips_or_another_teacher_is_refused(done, videos, tmp_path):
    run, *_ = done
    there = replace(run, output_dir=tmp_path / "x")
    whole = replace(
        there,
        seed=1,
        validation=ValidationConfig(share=0.0),
        optim=replace(run.optim, ema_decay=None),
    )
    with pytest.raises(ConfigError, match=r"\n  seed: 0 there, 1 here") as caught:
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
    run = replace(run, loading=replace(run.loading, num_workers=0))
    with pytest.raises(Interrupted), logging_to(stop_after(1, signal.SIGTERM)):
        distill(run)
    shutil.rmtree(tmp_path / "teacher")
    make_teacher(tmp_path / "teacher", sharpness=31.0)
    with pytest.raises(CheckpointError, match="learnt from another teacher"):
        distill(run)


# ---- unlabelled


def test_without_labels_names_and_judgement_are_the_teachers(videos, tmp_path):
    names = ("a", "b", "c", "d")
    teacher = make_teacher(tmp_path / "teacher", classes=names)
    run = small_distill(videos, teacher, tmp_path / "run", labelled=False)
    run = replace(
        run,
        optim=replace(run.optim, epochs=1.0, warmup_epochs=0.0),
        loading=replace(run.loading, num_workers=0),
        teacher=TeacherConfig(weights=teacher, cache_dir=tmp_path / "cache", cache_dtype="float16"),
    )
    said = []
    with logging_to(said.append):
        students = distill(run)
    assert "classes  4, those of the teacher: a, b, c, d; labels are not looked at" in said[0]
    card = load_model_config(students / "student")
    assert card.class_names == names
    assert list(card.metadata["validation"]) == ["agreement", "loss"]
    assert not any("accuracy" in name for line in steps_of(tmp_path / "run").values()
                   for name in line)  # fmt: skip
    assert find_saved_model(students.parent) == students / "student"
    again = replace(run, output_dir=tmp_path / "again")
    with logging_to(said.append):
        distill(again)
    assert same_weights(students / "student", tmp_path / "again" / "students" / "student")


def test_without_validation_the_last_state_is_kept(videos, teacher, tmp_path):
    run = small_distill(videos, teacher, tmp_path / "run", validation=ValidationConfig(share=0.0))
    run = replace(
        run,
        optim=replace(run.optim, epochs=1.0, warmup_epochs=0.0),
        loading=replace(run.loading, num_workers=0),
    )
    students = distill(run)
    assert same_weights(
        students / "student", tmp_path / "run" / "checkpoints" / "step-00000003" / "student"
    )
    assert load_model_config(students / "student").metadata["step"] == 3


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
    assert load_model_config(tmp_path / "run" / "students" / "student").class_names == CLASSES
