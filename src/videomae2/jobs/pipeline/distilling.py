"""Distillation as a kind of stage."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from videomae2.config import DistillRun, check_run
from videomae2.errors import ConfigError
from videomae2.jobs import distill
from videomae2.jobs.class_of_students import resolve_students
from videomae2.jobs.finetune import get_frame_sampling
from videomae2.jobs.pipeline.promises import check_init_fits, build_expected_model, build_pending_classifier
from videomae2.jobs.pipeline.stages import StageConfig, Metadata, StageMetrics, Recipes, StagePlan, StageType
from videomae2.jobs.taught_videos import resolve_class_names, load_distill_data
from videomae2.jobs.video_lists import build_labelled_lists
from videomae2.jobs.work import LogFn
from videomae2.models.cards import SavedClassifierConfig, load_model_config_of
from videomae2.models.finding import resolve_classifier
from videomae2.models.found import ClassifierRef
from videomae2.models.parents import Pretrained
from videomae2.models.teachers import check_same_clips


def build_distill_stage(recipes: Recipes) -> StageType:
    """Students of a teacher; parents give the teacher and the first student's first weights."""
    return StageType(
        config_type=DistillRun,
        recipes=recipes,
        inputs={"teacher": "teacher.weights", "student": "students.0.init.weights"},
        check=lambda job: check_run(_with_parents(job)),
        plan=_plan_distill,
        run=_run_distill,
        load_metrics=_load_student_metrics,
    )


def _with_parents(stage_config: StageConfig) -> DistillRun:
    run: DistillRun = stage_config.settings
    if "teacher" in stage_config.weights:
        run = replace(run, teacher=replace(run.teacher, weights=stage_config.weights["teacher"]))
    if "student" in stage_config.weights and run.students:
        first, *remaining_students = run.students
        first = replace(first, init=replace(first.init, weights=stage_config.weights["student"]))
        run = replace(run, students=(first, *remaining_students))
    return run


def _plan_distill(stage_config: StageConfig, parents: Mapping[str, Pretrained]) -> StagePlan:
    if not stage_config.weights.keys() <= parents.keys():  # a parent has problems of its own
        return StagePlan(lists=(), summary="", produces=None)
    parent_paths = {role: parent.path for role, parent in parents.items()}
    requested = _with_parents(replace(stage_config, weights=parent_paths))
    teacher = _resolve_teacher(requested, parents)
    for student in requested.students:
        check_same_clips(student.model.encoder, teacher, name=student.name)
    videos = load_distill_data(requested, teacher)
    pending_models = {requested.students[0].name: parents["student"]} if "student" in parents else {}
    run = resolve_students(requested, teacher, pending_models)
    output_names = resolve_class_names(videos, teacher)
    summary = [distill.summarize(run, (teacher, videos))]
    for number, student in enumerate(run.students):
        flag, parent = f"--students.{number}.model", pending_models.get(student.name)
        report = check_init_fits(student.model, student.init, parent, classes=output_names, flag=flag)
        summary.append(f"start of {student.name}\n{report}")
    card = SavedClassifierConfig(
        model=run.model,
        class_names=output_names,
        task_type=teacher.config.task_type,
        frame_sampling=get_frame_sampling(run),
        mean=run.data.mean,
        std=run.data.std,
    )
    return StagePlan(
        lists=build_labelled_lists(run, videos),
        summary="\n".join(summary),
        produces=build_expected_model(card, stage_config.out) if len(run.students) == 1 else None,
    )


def _resolve_teacher(run: DistillRun, parents: Mapping[str, Pretrained]) -> ClassifierRef:
    """What is known about the teacher."""
    if "teacher" in parents:
        parent = parents["teacher"]
        if not isinstance(parent.config, SavedClassifierConfig):
            raise ConfigError(f"from: {parent.path.name} gives no classifier to learn from")
        return build_pending_classifier(parent.path, parent.config)
    assert run.teacher.weights is not None
    return resolve_classifier(run.teacher.weights)


def _run_distill(stage_config: StageConfig, metadata: Metadata, log: LogFn) -> Path:
    """Distill; the result is the only student, or the folder of all."""
    run = _with_parents(stage_config)
    students = distill.distill(run, metadata=metadata, log=log, ignored_fields=stage_config.ignored_fields)
    return students / run.students[0].name if len(run.students) == 1 else students


def _load_student_metrics(stage_config: StageConfig, result: Path) -> StageMetrics:
    """How good the student is; of several, the first number of each."""
    students = stage_config.settings.students
    if len(students) == 1:
        return _load_student_validation(result)
    metrics = {one.name: _load_student_validation(result / one.name) for one in students}
    return {f"{n} {key}": values[key] for n, values in metrics.items() for key in list(values)[:1]}


def _load_student_validation(folder: Path) -> StageMetrics:
    metrics: StageMetrics = load_model_config_of(SavedClassifierConfig, folder).metadata.get("validation", {})
    return dict(metrics)
