"""What a distillation run and its teacher must share: clips, and the classes of the videos."""

from dataclasses import replace

from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.commands.train.datasets import TrainValData, split_validation
from videomae2.config.runs import DistillRun
from videomae2.data.loading.labels import LABEL_READERS, LabelledData, read_unlabelled
from videomae2.data.loading.sources import SourceConfig, check_timestamps, with_found_bits
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.public_classes import canonicalize_names
from videomae2.errors import CheckpointError, ConfigError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.head import check_classes_match
from videomae2.models.weights.init_from import check_same_bits
from videomae2.models.weights.model_ref import ClassifierRef

_REMEDY = "\n--no-labelled takes the videos without their labels"


def check_same_clips(student: EncoderConfig, teacher: ClassifierRef) -> None:
    """Refuse a student that reads other clips than its teacher, with a ``CheckpointError``."""
    sizes = [
        f"{config.clip_dimensions} of {config.channels} channels"
        for config in (student, teacher.config.model.encoder)
    ]
    if sizes[0] != sizes[1]:
        raise CheckpointError(
            f"the student reads clips of {sizes[0]} (frames, height, width), its teacher "
            f"{teacher.path} reads {sizes[1]}; both must see the same clip: give the student the "
            f"teacher's size, or fine-tune a teacher at the student's"
        )


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
    run = replace(run, data=with_found_bits(run.data, data.manifests))
    check_same_bits(teacher.path, teacher.config.bits, run.data.bits)

    def load_val_list(source: SourceConfig) -> LabelledData:
        if not run.labelled:
            return read_unlabelled((source,), data.class_names)
        read = LABEL_READERS[teacher.config.task_type]
        return read((source,), run.labels, expected=data.class_names)

    return split_validation(run, teacher.config.task_type, data, load_val_list)


def resolve_class_names(videos: TrainValData, teacher: ClassifierRef) -> tuple[str, ...] | None:
    """What the outputs are called, as far as anybody knows."""
    names = teacher.config.class_names or videos.train.class_names
    return names if len(names) == teacher.config.model.num_classes else None


def summarize_classes(run: DistillRun, videos: TrainValData, teacher: ClassifierRef) -> Summary:
    """Say what the classes are, and what is known of the videos."""
    if run.labelled:
        return videos.summarize(teacher.config.task_type)
    names = resolve_class_names(videos, teacher)
    names_text = f"those of the teacher: {', '.join(names[:12])}" if names else "without names"
    text = f"{teacher.config.model.num_classes}, {names_text}; labels are not looked at"
    return Summary((("classes", text), *videos.summarize_val()))


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
    names = set(canonicalize_names(expected, data.class_names))
    # in any order; where any number of labels holds, some may never do
    is_multiclass = teacher.config.task_type == "multiclass"
    if names != set(expected) if is_multiclass else not names <= set(expected):
        try:
            check_classes_match(data.class_names, expected, location=f"the teacher {teacher.path}")
        except CheckpointError as error:
            raise CheckpointError(f"{error}{_REMEDY}") from error
    return replace(
        read(run.data.sources, run.labels, expected=expected), description=data.description
    )


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


def _check_num_classes(count: int, teacher: ClassifierRef, location: str) -> None:
    num_outputs = teacher.config.model.num_classes
    if count != num_outputs:
        raise CheckpointError(
            f"{location} has {format_count(count, 'class')}, the teacher {teacher.path} has "
            f"{format_count(num_outputs, 'output')}"
            f"{_REMEDY}"
        )
