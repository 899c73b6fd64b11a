"""``videomae2 probe``: weights and labelled videos → what probes of their features reach."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from videomae2.engine.runlog import to_terminal
from videomae2.engine.runtime import RuntimeConfig, prepare
from videomae2.errors import ConfigError
from videomae2.jobs.probe.attend import Attending, attentive
from videomae2.jobs.probe.encoding import coarser
from videomae2.jobs.probe.features import Extraction, Say
from videomae2.jobs.probe.lists import Lists, read_lists
from videomae2.jobs.probe.outcome import Outcome
from videomae2.jobs.probe.pooled import knn, linear
from videomae2.jobs.probe.settings import (
    METHODS,
    ClipSettings,
    ListSettings,
    ProbeSettings,
    check_settings,
)
from videomae2.jobs.probe.sides import Side, both_sides
from videomae2.jobs.probe.spans import span_of
from videomae2.models.cards import ClipSpan
from videomae2.models.frozen import Frozen, read_frozen
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
    """
    clips, lists = clips or ClipSettings(), lists or ListSettings()
    settings = settings or ProbeSettings()
    check_settings(settings)
    runtime = prepare(RuntimeConfig(device=settings.device, precision=settings.precision))
    listed = read_lists(train, test, lists, seed=settings.seed)
    frozen = read_frozen(weights, frames=clips.frames, side=clips.side, use_mean=use_mean)
    span = span_of(frozen, clips)
    kept = _kept(frozen, listed, clips.clips, settings, say)
    cache = settings.cache or default_cache()
    extraction = Extraction(
        frozen=frozen.to(runtime.device),
        runtime=runtime,
        clips=clips.clips,
        batch=settings.batch,
        kept=kept,
        cache=cache,
        workers=settings.workers,
        say=say,
    )
    one, other, unreadable = both_sides(
        extraction,
        listed,
        span,
        frame_rate=clips.frame_rate,
        skip_unreadable=lists.skip_unreadable,
    )
    say(f"probing  {len(one.rows)} training and {len(other.rows)} test videos")
    outcomes = _outcomes(one, other, frozen, listed, settings, runtime.device, say)
    most = np.bincount(one.labels).argmax()
    return ProbeReport(
        weights=frozen.path,
        digest=frozen.digest,
        encoder=_words(frozen),
        span=span,
        clips=clips.clips,
        kept=kept,
        grid=frozen.encoder.cubes.grid,
        train=listed.train.source,
        test=listed.words,
        classes=listed.classes,
        train_videos=len(one.rows),
        test_videos=len(other.rows),
        unreadable=unreadable,
        chance=float((other.labels == most).mean()),
        outcomes=tuple(outcomes),
        cache=cache,
    )


def default_cache() -> Path:
    """Where features are kept if nobody says otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "videomae2" / "features"


def _kept(
    frozen: Frozen, listed: Lists, clips: int, settings: ProbeSettings, say: Say
) -> Grid | None:
    """Which grid of tokens there is room for; the encoder's own if there is."""
    if "attentive" not in settings.methods:
        return None
    videos = len(listed.train) + (0 if listed.test is None else len(listed.test))
    of_token = 2 * frozen.encoder.config.shape.dim * videos * clips
    most = int(settings.token_gib * 2**30 // of_token)
    if most < 1:
        raise ConfigError(
            f"--token-gib {settings.token_gib:g} has no room for a single token of {videos} "
            f"videos; {of_token / 2**30:.2g} would, or leave attentive out of --methods"
        )
    grid = frozen.encoder.cubes.grid
    kept = coarser(grid, most)
    if kept != grid:
        say(
            f"tokens   averaged from {_by(grid)} to {_by(kept)} a clip: all of them would take "
            f"{of_token * frozen.encoder.cubes.tokens / 2**30:.1f} GiB, more than --token-gib "
            f"{settings.token_gib:g}"
        )
    return kept


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


def _words(frozen: Frozen) -> str:
    config = frozen.encoder.config
    return f"{config.size}, clips of {config.frames}x{config.height}x{config.width}"


def _by(grid: Grid) -> str:
    return "x".join(map(str, grid))
