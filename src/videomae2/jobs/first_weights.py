"""The first weights of a classifier, for every job that trains one: a parent under its names."""

from collections.abc import Sequence

from torch import Generator

from videomae2.data.class_names import read_class_names
from videomae2.models.classifier import Classifier
from videomae2.models.number_scale import NumberScale
from videomae2.models.start_report import StartReport
from videomae2.models.starting import StartConfig, start


def first_weights(
    model: Classifier,
    config: StartConfig,
    generator: Generator,
    *,
    classes: Sequence[str] | None,
    numbers: NumberScale | None = None,
    flag: str = "--model",
) -> StartReport:
    """Start a classifier; the names of its parent's outputs are read where they are given.

    Arguments and errors as for ``start``; ``flag`` is what sets the model.

    Raises:
        ManifestError: If the names cannot be read.
    """
    given = read_class_names(config.names) if config.names is not None else None
    return start(
        model,
        config,
        generator,
        classes=classes,
        parent_classes=given,
        numbers=numbers,
        flag=flag,
    )
