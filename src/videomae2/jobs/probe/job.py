"""``videomae2 probe``: weights and labelled videos → what probes of their features reach."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videomae2.jobs.probe.attend import AttentiveConfig, probe_attentive
from videomae2.jobs.probe.outcome import ProbeResult
from videomae2.jobs.probe.planning import ProbePlan, format_encoder
from videomae2.jobs.probe.pooled import probe_knn, probe_linear
from videomae2.jobs.probe.settings import METHODS
from videomae2.jobs.probe.sides import FeatureSplit, extract_train_test
from videomae2.models.cards import FrameSampling
from videomae2.tensors.grid import Grid


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeReport:
    """What was probed, with which videos, and what came out."""

    weights: Path
    digest: str
    encoder: str
    sampling: FrameSampling
    clips: int
    stored_grid: Grid | None
    """Grid of the tokens of a clip that the attentive probe saw."""
    grid: Grid
    """Grid of the encoder."""
    train: str
    test: str
    classes: tuple[str, ...]
    num_train_videos: int
    num_test_videos: int
    unreadable: dict[str, str]
    """Path of each video that was left out, and why."""
    majority_accuracy: float
    """Accuracy of always naming the most frequent class of the training videos."""
    results: tuple[ProbeResult, ...]
    cache_dir: Path


def run_probe(plan: ProbePlan) -> ProbeReport:
    """Probe the frozen features of an encoder, as ``prepare_probe`` has planned it.

    Raises:
        ConfigError: Features cannot be kept, or there are too few videos for a choice.
        DataError: A video cannot be read.
        Interrupted: When asked to stop while features are extracted; those that are stay.
    """
    extractor, data = plan.extractor, plan.data
    train, test, unreadable = extract_train_test(
        extractor,
        data,
        plan.sampling,
        frame_rate=plan.clips.frame_rate,
        skip_unreadable=plan.list_config.skip_unreadable,
    )
    extractor.log(f"probing  {len(train.rows)} training and {len(test.rows)} test videos")
    results = _probe_methods(train, test, plan)
    majority_class = np.bincount(train.labels).argmax()
    return ProbeReport(
        weights=extractor.frozen.path,
        digest=extractor.frozen.digest,
        encoder=format_encoder(extractor.frozen),
        sampling=plan.sampling,
        clips=plan.clips.clips,
        stored_grid=extractor.stored_grid,
        grid=extractor.frozen.encoder.cubes.grid,
        train=data.train.source,
        test=data.test_description,
        classes=data.classes,
        num_train_videos=len(train.rows),
        num_test_videos=len(test.rows),
        unreadable=unreadable,
        majority_accuracy=float((test.labels == majority_class).mean()),
        results=tuple(results),
        cache_dir=extractor.cache_dir,
    )


def _probe_methods(train: FeatureSplit, test: FeatureSplit, plan: ProbePlan) -> list[ProbeResult]:
    settings, extractor, log = plan.settings, plan.extractor, plan.extractor.log
    device, heads = extractor.runtime.device, extractor.frozen.encoder.config.shape.num_heads
    num_classes, results = len(plan.data.classes), []
    features = train.pooled_features(device), test.pooled_features(device)
    folds, seed = settings.folds, settings.seed
    for method in METHODS:
        if method not in settings.methods:
            continue
        log(f"probing  {method}")
        if method == "knn":
            ks, temperature = settings.ks, settings.temperature
            results.append(
                probe_knn(*features, num_classes, ks=ks, temperature=temperature, folds=folds, seed=seed)
            )
        elif method == "linear":
            l2 = settings.l2
            results.append(probe_linear(*features, num_classes, l2=l2, folds=folds, seed=seed))
        else:
            attentive_config = AttentiveConfig(
                heads=heads,
                num_classes=num_classes,
                epochs=settings.epochs,
                batch_size=settings.probe_batch_size,
                seed=settings.seed,
                device=device,
                log=log,
            )
            lrs, weight_decays = settings.lrs, settings.weight_decays
            tokens = train.token_features(), test.token_features()
            results.append(probe_attentive(*tokens, attentive_config, lrs=lrs, weight_decays=weight_decays, folds=settings.folds))
    return results
