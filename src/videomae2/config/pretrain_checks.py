"""Checks of pre-training alone: its two halves, its masks, its frames, its probes."""

from collections.abc import Iterator

from videomae2.base.files import path_exists, path_hint
from videomae2.base.schema import flag_name, flatten
from videomae2.config.runs import OnlineProbeConfig, PretrainRun
from videomae2.config.shared_checks import (
    Check,
    check_cubes,
    check_heads,
    check_split_over_heads,
)
from videomae2.tasks.pretrain import MaskingConfig, check_target, count_tokens

_QUARTERS = (0.25, 0.5, 0.75)


def _check_heads(run: PretrainRun) -> Iterator[str]:
    yield from check_heads(run)
    model = run.model
    yield from check_split_over_heads("decoder", model.decoder_embed_dim, model.decoder_num_heads)


def _check_masks(run: PretrainRun) -> Iterator[str]:
    masking, ratio = run.masking, run.masking.decoder_mask_ratio
    default_ratio = MaskingConfig().decoder_mask_ratio
    if masking.decoder == "none" and ratio != default_ratio:
        yield (
            f"--masking.decoder-mask-ratio {ratio:g} has no effect with --masking.decoder none; "
            f"leave it out, or choose running-cell, random or frame"
        )
    if masking.decoder == "running-cell" and ratio not in _QUARTERS:
        yield (
            f"--masking.decoder-mask-ratio {ratio:g} is none that running cells have: 0.25, 0.5, "
            f"0.75"
        )
    elif not list(check_cubes(run)):
        try:
            count_tokens(masking, run.model.encoder.cubes.grid)
            check_target(masking, run.model.encoder.cubes, run.data)
        except ValueError as error:
            yield f"--masking cannot work: {error}"


def _check_frame_sampling(run: PretrainRun) -> Iterator[str]:
    for number, source in enumerate(run.data.sources):
        if source.frame_sampling == "dense":
            yield (
                f"--data.sources.{number}.frame-sampling dense is for labelled videos; "
                f"pre-training takes frames at exact intervals (strided) or over the whole video "
                f"(tsn, whole)"
            )


def _check_online_probe(run: PretrainRun) -> Iterator[str]:
    probe = run.online_probe
    if not probe.is_enabled:
        for name, value in flatten(probe):
            if value != getattr(OnlineProbeConfig(), name):
                flag = flag_name(f"online_probe.{name}")
                yield f"{flag} has no effect without --online-probe.videos"
    for name in ("videos", "test", "root"):
        path = getattr(probe, name)
        if path is not None and not path_exists(path):
            yield f"--online-probe.{name} {path} does not exist{path_hint(path)}"


PRETRAIN_CHECKS: tuple[Check, ...] = (
    (_check_heads, ("model.",)),
    (_check_masks, ("model.encoder.", "masking.")),
    (_check_frame_sampling, ()),
    (_check_online_probe, ("online_probe.",)),
)
