"""Teachers, students, videos and classes that do not go together, and those that still do."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.distill_runs import make_teacher, small_distill, student
from tests.helpers.finetune_runs import CLASSES, class_folders
from tests.helpers.logs import logging_to
from videomae2.commands.train.distill import distill, dry_run, load_job
from videomae2.commands.train.distill_data import load_distill_data
from videomae2.commands.train.dry_run import summarize_job
from videomae2.config.runs import ValidationConfig
from videomae2.data.loading.labels import LabelConfig, read_multiclass
from videomae2.data.loading.sources import SourceConfig
from videomae2.errors import CheckpointError, ConfigError, DataError
from videomae2.models.weights.config_json import load_model_config
from videomae2.models.weights.init_from import InitConfig
from videomae2.models.weights.model_ref import ModelRef
from videomae2.models.weights.resolve import resolve_classifier
from videomae2.training.runtime import resolve_runtime


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return class_folders(tmp_path_factory.mktemp("shapes"))


def summarize(run):
    return str(summarize_job(load_job(run)))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return make_teacher(tmp_path_factory.mktemp("teachers") / "teacher")


def test_other_classes_are_shown_beside_the_teachers(videos, tmp_path):
    teacher = make_teacher(tmp_path / "t", classes=("grows", "moves_left", "shrinks"))
    with pytest.raises(CheckpointError) as caught:
        summarize(small_distill(videos, teacher, tmp_path / "run"))
    said = str(caught.value)
    assert "1 only in the data and 1 only in the model" in said
    assert f"data   3: {', '.join(CLASSES)}" in said
    assert "model  3: grows, moves_left, shrinks" in said
    assert said.endswith("--no-labelled takes the videos without their labels")


def test_the_same_classes_in_another_order_are_the_teachers(videos, tmp_path):
    backwards = CLASSES[::-1]
    teacher = make_teacher(tmp_path / "t", classes=backwards)
    run = small_distill(videos, teacher, tmp_path / "run")
    assert f"classes  3: {', '.join(backwards)}" in summarize(run)


@pytest.mark.parametrize("form", ["list", "table with names"])
def test_numbers_that_a_file_names_reach_the_outputs_of_these_names(videos, tmp_path, form):
    """The file has the teacher's classes in another order: label 0 is not output 0."""
    order = (*CLASSES[1:], CLASSES[0])
    (tmp_path / "names.txt").write_text("\n".join(order))
    files, lists = sorted(videos.rglob("*.mp4")), {}
    for part, some in (("held", files[::4]), ("train", sorted({*files} - {*files[::4]}))):
        numbers = [(path, order.index(path.parent.name)) for path in some]
        lists[part] = tmp_path / f"{part}.csv"
        lines = [f"{path} {number}" for path, number in numbers]
        if form != "list":
            named = [f"{path},{number},{order[number]}" for path, number in numbers]
            lines = ["path,label,class_name", *named]
        lists[part].write_text("\n".join(lines) + "\n")
    run = small_distill(
        lists["train"],
        make_teacher(tmp_path / "t"),
        tmp_path / "run",
        labels=LabelConfig(class_names=tmp_path / "names.txt"),
        validation=ValidationConfig(path=lists["held"]),
    )
    assert run.teacher.weights is not None
    found = load_distill_data(run, resolve_classifier(run.teacher.weights))
    for part in (found.train, found.val):
        (manifest,), (rows,) = part.manifests, part.targets
        wanted = [Path(entry.path).parent.name for entry in manifest]
        assert [part.class_names[row] for row in rows.tolist()] == wanted
        assert [manifest.class_names[label] for label in manifest.labels] == wanted
        assert part.class_names == manifest.class_names == CLASSES


def test_names_that_are_not_wanted_are_shown_beside_those_that_are(videos, tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(CLASSES))
    labels, sources = LabelConfig(class_names=tmp_path / "names.txt"), (SourceConfig(path=videos),)
    with pytest.raises(DataError, match=r"not those that are wanted\n  known  3: a, b, c\n  found"):
        read_multiclass(sources, labels, expected=("a", "b", "c"))


def test_a_teacher_without_names_goes_by_numbers(videos, tmp_path):
    teacher = make_teacher(tmp_path / "t", card={"class_names": None})
    listed = tmp_path / "list.txt"
    files = sorted(videos.rglob("*.mp4"))
    listed.write_text("".join(f"{path} {n % 2}\n" for n, path in enumerate(files)))
    run = small_distill(listed, teacher, tmp_path / "run")
    assert "numbers of the teacher's 3 outputs" in summarize(run)
    listed.write_text("".join(f"{path} {n % 4}\n" for n, path in enumerate(files)))
    with pytest.raises(CheckpointError, match=r"has 4 classes, the teacher .* has 3 outputs"):
        summarize(run)


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"card": {"task_type": "regression"}}, ConfigError, "predicts numbers, and distillation"),
        ({"height": 40}, CheckpointError, "4x32x32 of 3 channels .* reads 4x40x32"),
        ({"frames": 8}, CheckpointError, "4x32x32 of 3 channels .* reads 8x32x32"),
        ({"head": False}, CheckpointError, "has no head"),
    ],
)
def test_teachers_that_cannot_teach_these(videos, tmp_path, changed, kind, said):
    teacher = make_teacher(tmp_path / "t", **changed)
    with pytest.raises(kind, match=said):
        summarize(small_distill(videos, teacher, tmp_path / "run"))


def test_students_that_do_not_fit(videos, teacher, tmp_path):
    run = small_distill(videos, teacher, tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"num-classes is 4, the teacher .* has 3 outputs"):
        summarize(replace(run, model=replace(run.model, num_classes=4)))
    with pytest.raises(ConfigError, match=r"--init.weights .*gone does not exist"):
        distill(replace(run, init=InitConfig(weights=tmp_path / "gone")))


@pytest.mark.parametrize("positions", ["auto", "reinit"])
def test_a_student_from_weights_of_other_clips_has_their_position_table(
    videos, teacher, tmp_path, positions
):
    parent = make_teacher(tmp_path / "parent", depth=1, embed_dim=24, frames=8, height=48)
    start = InitConfig(weights=parent, pos_embed=positions)
    run = small_distill(videos, teacher, tmp_path / "run", model=student(), init=start)
    run = replace(run, optim=replace(run.optim, epochs=1.0, warmup_epochs=0.0))
    resampled = positions == "auto"
    assert ("position table of 4x6x4 cubes resampled" in summarize(run)) == resampled
    said = []
    with logging_to(said.append):
        best = distill(replace(run, reading=replace(run.reading, num_workers=0)))
    words = {"auto": "the table for 4x6x4 cubes", "reinit": "a fresh table for 2x4x4 cubes"}
    assert f"positions: {words[positions]}" in "\n".join(said)
    card = load_model_config(best)
    assert card.model.encoder.pretrained_grid == ((4, 6, 4) if resampled else None)


def test_a_parent_that_does_not_fit_is_told_in_a_dry_run(videos, teacher, tmp_path):
    run = small_distill(videos, teacher, tmp_path / "run", init=InitConfig(weights=teacher))
    with pytest.raises(CheckpointError) as caught:
        dry_run(replace(run, model=student(depth=2)))
    assert "--model.encoder.embed-dim 32 would build that one" in str(caught.value)
    said = str(dry_run(replace(run, model=student(embed_dim=32, depth=2))))
    assert "norm: the parent's; head: kept: the same 3 classes\n" in said


def test_names_of_a_students_parent_are_used(videos, teacher, tmp_path):
    """A parent that does not name its outputs: rows go by the names that are given for it."""
    parent = make_teacher(tmp_path / "p", classes=("grows", "jumps", "moves_left", "x",
                          "spins_clockwise"), card={"class_names": None})  # fmt: skip
    names = tmp_path / "names.txt"
    names.write_text("grows\njumps\nmoves_left\nx\nspins_clockwise\n")
    start = InitConfig(weights=parent, class_names=names)
    model = student(embed_dim=32, depth=2)
    run = small_distill(videos, teacher, tmp_path / "run", model=model, init=start)
    assert "head: the rows of the same names, 3 of 5" in str(dry_run(run))
    names.write_text("grows\njumps\n")
    with pytest.raises(CheckpointError, match="has 5 outputs, but 2 names were given for them"):
        dry_run(run)


def test_a_teacher_of_another_patch_and_statistics_teaches_too(videos, tmp_path):
    teacher = make_teacher(
        tmp_path / "t",
        patch_size=16,
        card={"mean": (0.5,) * 3, "std": (0.25,) * 3, "frame_sampling": None},
    )
    run = small_distill(videos, teacher, tmp_path / "run")
    run = replace(run, optim=replace(run.optim, epochs=1.0, warmup_epochs=0.0))
    best = distill(replace(run, reading=replace(run.reading, num_workers=0)))
    assert load_model_config(best).mean == run.data.mean


def test_videos_without_labels_say_so(tmp_path, videos, teacher):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in videos.rglob("*.mp4"):
        shutil.copy(path, flat / path.name)
    run = small_distill(flat, teacher, tmp_path / "run")
    with pytest.raises(DataError, match="label"):
        summarize(run)
    summarize(replace(run, labelled=False))


def test_the_teachers_weights_are_read_once_for_their_digest(
    videos, teacher, tmp_path, monkeypatch
):
    real, asked = ModelRef.compute_digest, []
    monkeypatch.setattr(ModelRef, "compute_digest", lambda ref: asked.append(ref) or real(ref))
    job = load_job(small_distill(videos, teacher, tmp_path / "run"))
    runtime = resolve_runtime(job.run.runtime)
    setup = job.build_setup(runtime)
    (ref,) = asked
    assert (
        setup.config.metadata["parents"]["teacher"]["digest"] == job.build_provenance()["teacher"]
    )
    assert asked == [ref]
