"""The videos of a distillation run, and how their classes go with those of the teacher."""

from collections.abc import Sequence
from dataclasses import replace

from videomae2.config import DistillRun
from videomae2.data.class_names import read_class_names
from videomae2.data.clocks import check_clocks
from videomae2.data.known_classes import called_as_in
from videomae2.data.labels import Labelled, without_labels
from videomae2.data.sources import SourceConfig
from videomae2.errors import CheckpointError, ConfigError
from videomae2.jobs.labelled_videos import READERS, TrainingVideos, set_aside
from videomae2.models.cards import check_classes
from videomae2.models.found import FoundClassifier

_REMEDY = "\n--no-labelled takes the videos without their labels"


def read_taught_videos(run: DistillRun, teacher: FoundClassifier) -> TrainingVideos:
    """Read the lists of a run with the teacher's classes, and set videos aside for validation.

    Raises:
        ConfigError: If the teacher predicts numbers.
        DataError: If lists or labels are wrong.
        CheckpointError: If the classes are not the teacher's; shows both lists.
    """
    if teacher.card.answers == "numbers":
        raise ConfigError(
            f"{teacher.path} predicts numbers, and distillation follows scores of classes; "
            f"fine-tune the small model with --task.answers numbers instead"
        )
    found = _labelled(run, teacher) if run.labelled else _unlabelled(run, teacher)
    check_clocks(run.data.sources, found.manifests)
    return set_aside(
        run, teacher.card.answers, found, lambda source: _again(run, teacher, source, found)
    )


def class_names(videos: TrainingVideos, teacher: FoundClassifier) -> tuple[str, ...] | None:
    """What the outputs are called, as far as anybody knows."""
    names = teacher.card.classes or videos.training.names
    return names if len(names) == teacher.card.model.outputs else None


def _unlabelled(run: DistillRun, teacher: FoundClassifier) -> Labelled:
    names = teacher.card.classes or ()
    if run.labels.names is not None:
        given = read_class_names(run.labels.names)
        _check_count(len(given), teacher, str(run.labels.names))
        if names:
            check_classes(given, names, where=f"the teacher {teacher.path}")
        names = given
    return without_labels(run.data.sources, names)


def _labelled(run: DistillRun, teacher: FoundClassifier) -> Labelled:
    """Read labels as numbers of the teacher's outputs."""
    read, wanted = READERS[teacher.card.answers], teacher.card.classes
    found = read(run.data.sources, run.labels)
    named = run.labels.names is not None or any(
        manifest.class_names is not None for manifest in found.manifests
    )
    if teacher.card.answers == "one-class" and not named:
        return _numbered(run, teacher, found)
    if wanted is None and run.labels.names is None:
        raise CheckpointError(
            f"the teacher {teacher.path} has no class names, so the names of {found.origin} do not "
            f"tell which output is which; give the names in the order of its outputs with "
            f"--labels.names, such as --labels.names kinetics-710{_REMEDY}"
        )
    if wanted is None:
        _check_count(len(found.names), teacher, str(run.data.sources[0].path))
        return found
    if found.names == wanted:
        return found
    names = called_as_in(wanted, found.names)
    if not _go_together(names, wanted, every=teacher.card.answers == "one-class"):
        try:
            check_classes(found.names, wanted, where=f"the teacher {teacher.path}")
        except CheckpointError as error:
            raise CheckpointError(f"{error}{_REMEDY}") from error
    return replace(read(run.data.sources, run.labels, wanted=wanted), origin=found.origin)


def _go_together(found: Sequence[str], wanted: Sequence[str], *, every: bool) -> bool:
    """The same names in any order; where any number of labels holds, some may never do."""
    return set(found) == set(wanted) if every else set(found) <= set(wanted)


def _numbered(run: DistillRun, teacher: FoundClassifier, found: Labelled) -> Labelled:
    """Labels without names are taken for numbers of the teacher's outputs."""
    outputs = teacher.card.model.outputs
    if len(found.names) > outputs:
        _check_count(len(found.names), teacher, str(run.data.sources[0].path))
    names = teacher.card.classes or tuple(map(str, range(outputs)))
    return replace(found, names=names, origin=f"numbers of the teacher's {outputs} outputs")


def _again(
    run: DistillRun, teacher: FoundClassifier, source: SourceConfig, found: Labelled
) -> Labelled:
    """Read the list that is held out, as the others were."""
    if not run.labelled:
        return without_labels((source,), found.names)
    return READERS[teacher.card.answers]((source,), run.labels, wanted=found.names)


def _check_count(count: int, teacher: FoundClassifier, where: str) -> None:
    outputs = teacher.card.model.outputs
    if count != outputs:
        raise CheckpointError(
            f"{where} has {count} classes, the teacher {teacher.path} has {outputs} outputs"
            f"{_REMEDY}"
        )
