"""Checks of pre-training alone: its two halves, its masks, its frames, its probes."""

from collections.abc import Iterator

from videomae2.config.common_checks import Check, cubes_split, exists, multiples, there
from videomae2.config.leaves import flag, leaves
from videomae2.config.probing import ProbeConfig
from videomae2.config.runs import PretrainRun
from videomae2.tasks.pretrain import MaskingConfig, check_target, token_counts

_QUARTERS = (0.25, 0.5, 0.75)


def _heads(run: PretrainRun) -> Iterator[str]:
    model, shape = run.model, run.model.encoder.shape
    for part, dim, heads in (
        ("encoder", shape.dim, shape.heads),
        ("decoder", model.decoder_dim, model.decoder_heads),
    ):
        if dim % heads:
            yield (
                f"--model.{part}.dim {dim} does not split over {heads} heads; "
                f"{multiples(dim, heads)} would"
            )


def _masks(run: PretrainRun) -> Iterator[str]:
    masking, ratio = run.masking, run.masking.decoder_ratio
    usual = MaskingConfig().decoder_ratio
    if masking.decoder == "none" and ratio != usual:
        yield (
            f"--masking.decoder-ratio {ratio:g} has no effect with --masking.decoder none; "
            f"leave it out, or choose running-cell, random or frame"
        )
    if masking.decoder == "running-cell" and ratio not in _QUARTERS:
        yield f"--masking.decoder-ratio {ratio:g} is none that running cells have: 0.25, 0.5, 0.75"
    elif not list(cubes_split(run)):
        try:
            token_counts(masking, run.model.encoder.cubes.grid)
            check_target(masking, run.model.encoder.cubes)
        except ValueError as error:
            yield f"--masking cannot work: {error}"


def _sampling(run: PretrainRun) -> Iterator[str]:
    for number, source in enumerate(run.data.sources):
        if source.sampling != "stride":
            yield (
                f"--data.sources.{number}.sampling {source.sampling} is for labelled videos; "
                f"pre-training takes frames at exact strides: stride"
            )


def _probe(run: PretrainRun) -> Iterator[str]:
    probe = run.probe
    if not probe.is_on:
        for name, value in leaves(probe):
            if value != getattr(ProbeConfig(), name):
                yield f"{flag(f'probe.{name}')} has no effect without --probe.videos"
    for name in ("videos", "test", "root"):
        path = getattr(probe, name)
        if path is not None and not exists(path):
            yield f"--probe.{name} {path} does not exist{there(path)}"


PRETRAIN: tuple[Check, ...] = (
    (_heads, ("model.",)),
    (_masks, ("model.encoder.", "masking.")),
    (_sampling, ()),
    (_probe, ("probe.",)),
)
