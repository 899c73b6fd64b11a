"""The first weights of a classifier, for every job that trains one: a parent under its names."""

from collections.abc import Sequence

from torch import Generator

from videomae2.data.class_names import read_class_names
from videomae2.models.classifier import Classifier
from videomae2.models.number_scale import TargetScaler
from videomae2.models.start_report import LoadReport
from videomae2.models.starting import InitConfig, init_classifier


def init_model(
    model: Classifier,
    config: InitConfig,
    generator: Generator,
    *,
    class_names: Sequence[str] | None,
    target_scaler: TargetScaler | None = None,
    flag: str = "--model",
) -> LoadReport:
    """Start a classifier; the names of its parent's outputs are read where they are given.

    Arguments and errors as for ``start``; ``flag`` is what sets the model.

    Raises:
        ManifestError: If the names cannot be read.
    """
    pretrained_class_names = read_class_names(config.class_names) if config.class_names is not None else None
    return init_classifier(
        model,
        config,
        generator,
        class_names=class_names,
        pretrained_class_names=pretrained_class_names,
        target_scaler=target_scaler,
        flag=flag,
    )
