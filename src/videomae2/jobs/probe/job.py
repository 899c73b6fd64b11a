"""``videomae2 probe``: weights and labelled videos → what probes of their features reach."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videomae2.jobs.probe.attend import Attending, attentive
from videomae2.jobs.probe.outcome import Outcome
from videomae2.jobs.probe.planning import ProbePlan, encoder_words
from videomae2.jobs.probe.pooled import knn, linear
from videomae2.jobs.probe.settings import METHODS
from videomae2.jobs.probe.sides import Side, both_sides
from videomae2.models.cards import ClipSpan
from videomae2.tensors.grid import Grid


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeReport:
    """What was probed, with which videos, and what came out."""

    weights: Path
    digest: str
    encoder: str
    span: ClipSpan
    clips: int
    kept: Grid | None
    """Grid of the tokens of a clip that the attentive probe saw."""
    grid: Grid
    """Grid of the encoder."""
    train: str
    test: str
    classes: tuple[str, ...]
    train_videos: int
    test_videos: int
    unreadable: dict[str, str]
    """Path of each video that was left out, and why."""
    chance: float
    """Accuracy of always naming the most frequent class of the training videos."""
    outcomes: tuple[Outcome, ...]
    cache: Path


def probe(plan: ProbePlan) -> ProbeReport:
    """Probe the frozen features of an encoder, as ``prepare_probe`` has planned it.

    Raises:
        ConfigError: Features cannot be kept, or there are too few videos for a choice.
        DataError: A video cannot be read.
        Interrupted: When asked to stop while features are extracted; those that are stay.
    """
    extraction, listed = plan.extraction, plan.listed
    one, other, unreadable = both_sides(
        extraction,
        listed,
        plan.span,
        frame_rate=plan.clips.frame_rate,
        skip_unreadable=plan.lists.skip_unreadable,
    )
    extraction.say(f"probing  {len(one.rows)} training and {len(other.rows)} test videos")
    outcomes = _outcomes(one, other, plan)
    most = np.bincount(one.labels).argmax()
    return ProbeReport(
        weights=extraction.frozen.path,
        digest=extraction.frozen.digest,
        encoder=encoder_words(extraction.frozen),
        span=plan.span,
        clips=plan.clips.clips,
        kept=extraction.kept,
        grid=extraction.frozen.encoder.cubes.grid,
        train=listed.train.source,
        test=listed.words,
        classes=listed.classes,
        train_videos=len(one.rows),
        test_videos=len(other.rows),
        unreadable=unreadable,
        chance=float((other.labels == most).mean()),
        outcomes=tuple(outcomes),
        cache=extraction.cache,
    )


def _outcomes(train: Side, test: Side, plan: ProbePlan) -> list[Outcome]:
    settings, extraction, say = plan.settings, plan.extraction, plan.extraction.say
    device, heads = extraction.runtime.device, extraction.frozen.encoder.config.shape.heads
    classes, found = len(plan.listed.classes), []
    halves = train.half(device), test.half(device)
    parts, seed = settings.folds, settings.seed
    for method in METHODS:
        if method not in settings.methods:
            continue
        say(f"probing  {method}")
        if method == "knn":
            ks, temperature = settings.neighbours, settings.temperature
            found.append(
                knn(*halves, classes, ks=ks, temperature=temperature, folds=parts, seed=seed)
            )
        elif method == "linear":
            strengths = settings.strengths
            found.append(linear(*halves, classes, strengths=strengths, folds=parts, seed=seed))
        else:
            how = Attending(
                heads=heads,
                classes=classes,
                epochs=settings.epochs,
                batch=settings.probe_batch,
                seed=settings.seed,
                device=device,
                say=say,
            )
            rates, decays = settings.rates, settings.decays
            tokens = train.tokens(), test.tokens()
            found.append(attentive(*tokens, how, rates=rates, decays=decays, folds=settings.folds))
    return found
