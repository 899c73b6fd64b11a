"""``videomae2 probe``: weights and labelled videos → what probes of their features reach."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from videomae2.engine.runlog import to_terminal
from videomae2.jobs.probe.attend import Attending, attentive
from videomae2.jobs.probe.features import Say
from videomae2.jobs.probe.lists import Lists
from videomae2.jobs.probe.outcome import Outcome
from videomae2.jobs.probe.planning import encoder_words, prepare_probe
from videomae2.jobs.probe.pooled import knn, linear
from videomae2.jobs.probe.settings import METHODS, ClipSettings, ListSettings, ProbeSettings
from videomae2.jobs.probe.sides import Side, both_sides
from videomae2.models.cards import ClipSpan
from videomae2.models.frozen import Frozen
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


def probe(
    weights: Path,
    train: Path,
    test: Path | None = None,
    *,
    use_mean: bool = False,
    clips: ClipSettings | None = None,
    lists: ListSettings | None = None,
    settings: ProbeSettings | None = None,
    say: Say = to_terminal,
) -> ProbeReport:
    """Probe the frozen features of an encoder.

    Args:
        weights: A run folder, a saved model of any kind, or a released file.
        train: Labelled videos to fit probes on and to choose their settings by.
        test: Labelled videos that nothing is chosen by; a share of ``train`` if not given.
        use_mean: Take the running mean of the weights (EMA) of a checkpoint.
        clips: What the encoder sees of each video.
        lists: How the lists are read.
        settings: What is tried.
        say: Takes each line about the progress.

    Raises:
        ConfigError: A choice cannot work or has no effect.
        DataError: A list is wrong, or a video cannot be read.
        CheckpointError: There are no weights that can be read.
        Interrupted: When asked to stop while features are extracted; those that are stay.
    """
    plan = prepare_probe(
        weights,
        train,
        test,
        use_mean=use_mean,
        clips=clips,
        lists=lists,
        settings=settings,
        say=say,
    )
    listed, settings, extraction = plan.listed, plan.settings, plan.extraction
    frozen, device = extraction.frozen, extraction.runtime.device
    one, other, unreadable = both_sides(
        extraction,
        listed,
        plan.span,
        frame_rate=plan.clips.frame_rate,
        skip_unreadable=plan.lists.skip_unreadable,
    )
    say(f"probing  {len(one.rows)} training and {len(other.rows)} test videos")
    outcomes = _outcomes(one, other, frozen, listed, settings, device, say)
    most = np.bincount(one.labels).argmax()
    return ProbeReport(
        weights=frozen.path,
        digest=frozen.digest,
        encoder=encoder_words(frozen),
        span=plan.span,
        clips=plan.clips.clips,
        kept=extraction.kept,
        grid=frozen.encoder.cubes.grid,
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


def _outcomes(
    train: Side,
    test: Side,
    frozen: Frozen,
    listed: Lists,
    settings: ProbeSettings,
    device: torch.device,
    say: Say,
) -> list[Outcome]:
    classes, found = len(listed.classes), []
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
                heads=frozen.encoder.config.shape.heads,
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
