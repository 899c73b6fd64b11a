"""The videos of a distillation run, and how their classes go with those of the teacher."""

from collections.abc import Sequence
from dataclasses import replace

from videomae2.commands.train.datasets import TrainValData, split_validation
from videomae2.config.runs import DistillRun
from videomae2.data.loading.labels import LABEL_READERS, LabelledData, read_unlabelled
from videomae2.data.loading.sources import SourceConfig, check_timestamps
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.public_classes import canonicalize_names
from videomae2.errors import CheckpointError, ConfigError
from videomae2.models.weights.classifier_ref import ClassifierRef
from videomae2.models.weights.head_index import check_classes_match

_REMEDY = "\n--no-labelled takes the videos without their labels"


def load_distill_data(run: DistillRun, teacher: ClassifierRef) -> TrainValData:
    """Read the lists of a run with the teacher's classes, and set videos aside for validation.

    Raises:
        ConfigError: If the teacher predicts numbers.
        DataError: If lists or labels are wrong.
        CheckpointError: If the classes are not the teacher's; shows both lists.
    """
    if teacher.config.task_type == "regression":
        raise ConfigError(
            f"{teacher.path} predicts numbers, and distillation follows scores of classes; "
            f"fine-tune the small model with --task.task-type regression instead"
        )
    data = _load_labelled(run, teacher) if run.labelled else _load_unlabelled(run, teacher)
    check_timestamps(run.data.sources, data.manifests)
    return split_validation(
        run,
        teacher.config.task_type,
        data,
        lambda source: _load_val_list(run, teacher, source, data),
    )


def resolve_class_names(videos: TrainValData, teacher: ClassifierRef) -> tuple[str, ...] | None:
    """What the outputs are called, as far as anybody knows."""
    names = teacher.config.class_names or videos.train.class_names
    return names if len(names) == teacher.config.model.num_classes else None


def _load_unlabelled(run: DistillRun, teacher: ClassifierRef) -> LabelledData:
    names = teacher.config.class_names or ()
    if run.labels.class_names is not None:
        provided = read_class_names(run.labels.class_names)
        _check_num_classes(len(provided), teacher, str(run.labels.class_names))
        if names:
            check_classes_match(provided, names, location=f"the teacher {teacher.path}")
        names = provided
    return read_unlabelled(run.data.sources, names)


def _load_labelled(run: DistillRun, teacher: ClassifierRef) -> LabelledData:
    """Read labels as numbers of the teacher's outputs."""
    read, expected = LABEL_READERS[teacher.config.task_type], teacher.config.class_names
    data = read(run.data.sources, run.labels)
    has_class_names = run.labels.class_names is not None or any(
        manifest.class_names is not None for manifest in data.manifests
    )
    if teacher.config.task_type == "multiclass" and not has_class_names:
        return _label_by_output_index(run, teacher, data)
    if expected is None and run.labels.class_names is None:
        raise CheckpointError(
            f"the teacher {teacher.path} has no class names, so the names of {data.description} "
            f"do not tell which output is which; give the names in the order of its outputs with "
            f"--labels.class-names, such as --labels.class-names kinetics-710{_REMEDY}"
        )
    if expected is None:
        _check_num_classes(len(data.class_names), teacher, str(run.data.sources[0].path))
        return data
    if data.class_names == expected:
        return data
    names = canonicalize_names(expected, data.class_names)
    if not _classes_match(names, expected, require_all=teacher.config.task_type == "multiclass"):
        try:
            check_classes_match(data.class_names, expected, location=f"the teacher {teacher.path}")
        except CheckpointError as error:
            raise CheckpointError(f"{error}{_REMEDY}") from error
    return replace(
        read(run.data.sources, run.labels, expected=expected), description=data.description
    )


def _classes_match(names: Sequence[str], expected: Sequence[str], *, require_all: bool) -> bool:
    """The same names in any order; where any number of labels holds, some may never do."""
    return set(names) == set(expected) if require_all else set(names) <= set(expected)


def _label_by_output_index(
    run: DistillRun, teacher: ClassifierRef, data: LabelledData
) -> LabelledData:
    """Labels without names are taken for numbers of the teacher's outputs."""
    outputs = teacher.config.model.num_classes
    if len(data.class_names) > outputs:
        _check_num_classes(len(data.class_names), teacher, str(run.data.sources[0].path))
    names = teacher.config.class_names or tuple(map(str, range(outputs)))
    return replace(
        data, class_names=names, description=f"numbers of the teacher's {outputs} outputs"
    )


def _load_val_list(
    run: DistillRun, teacher: ClassifierRef, source: SourceConfig, train_data: LabelledData
) -> LabelledData:
    """Read the list that is held out, as the others were."""
    if not run.labelled:
        return read_unlabelled((source,), train_data.class_names)
    return LABEL_READERS[teacher.config.task_type](
        (source,), run.labels, expected=train_data.class_names
    )


def _check_num_classes(count: int, teacher: ClassifierRef, location: str) -> None:
    num_outputs = teacher.config.model.num_classes
    if count != num_outputs:
        raise CheckpointError(
            f"{location} has {count} classes, the teacher {teacher.path} has {num_outputs} outputs"
            f"{_REMEDY}"
        )
