"""Which of the videos that a classifier is judged on it was trained on, where its run says so."""

from itertools import chain

from videomae2.base.files import path_exists
from videomae2.base.text import format_count
from videomae2.commands.train.datasets import TrainValData, load_train_val_data
from videomae2.commands.train.distill_data import load_distill_data
from videomae2.commands.train.run_folder import RUN_FILE
from videomae2.config.files import load_config
from videomae2.config.runs import DistillRun, FinetuneRun
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.splits.overlap import describe_entry, find_overlap
from videomae2.errors import ConfigError, VideoMAE2Error
from videomae2.models.weights.model_ref import ClassifierRef
from videomae2.models.weights.resolve import resolve_classifier


def describe_training_overlap(ref: ClassifierRef, manifest: Manifest) -> str:
    """Say how many of the videos the model learnt from; "" if none, or if nobody knows.

    Nobody does without a run, or if its lists are gone.
    """
    if ref.run is None or not path_exists(ref.run / RUN_FILE):
        return ""
    try:
        train = _load_train_val(ref).train
    except (VideoMAE2Error, OSError):
        return ""
    overlap = find_overlap(chain.from_iterable(train.manifests), manifest)
    if not overlap:
        return ""
    return (
        f"{len(overlap):,} of {format_count(len(manifest), 'video')} are training videos of this "
        f"model, such as {describe_entry(overlap[0])}: it knows their answers"
    )


def _load_train_val(ref: ClassifierRef) -> TrainValData:
    """The lists of the run, as they were split."""
    path = (ref.run or ref.path) / RUN_FILE
    try:
        return load_train_val_data(load_config(FinetuneRun, path))
    except ConfigError:
        run = load_config(DistillRun, path)
        if run.teacher.weights is None:
            raise
        return load_distill_data(run, resolve_classifier(run.teacher.weights))
