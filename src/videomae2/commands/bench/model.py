"""One step of pre-training on random clips: what it costs, and how near it comes to the limit."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Literal

import torch
from torch import nn

from videomae2.commands.bench.machine import highest_memory_gib, reset_peak_memory
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig
from videomae2.models.encoder import EncoderConfig, SizeName
from videomae2.models.flops import TokenCounts, count_autoencoder_macs
from videomae2.models.init import init_autoencoder_weights
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask, count_tokens
from videomae2.tensors.clips import Clips
from videomae2.training.optim import OptimConfig, build_optimizer
from videomae2.training.runtime import Runtime, compile_blocks
from videomae2.training.step import StepResult, train_step

MaskingName = Literal["dual", "lean", "v1"]


MASKINGS: dict[MaskingName, MaskingConfig] = {
    "dual": MaskingConfig(),
    "lean": MaskingConfig(decoder_queries="hidden_only"),
    "v1": MaskingConfig(decoder="none"),
}


CLIP_NORM = 1.0


_LR = 1e-5


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchCase:
    """What is trained in a measured step."""

    size: SizeName = "base"
    masking: MaskingName = "dual"
    batch_size: int = 2
    """Clips."""
    frames: int = 16
    side: int = 224
    """Height and width of a clip in pixels."""
    activation_checkpointing: bool = False

    @property
    def model(self) -> AutoencoderConfig:
        """The model's configuration."""
        encoder = EncoderConfig(
            size=self.size,
            frames=self.frames,
            height=self.side,
            width=self.side,
            activation_checkpointing=self.activation_checkpointing,
        )
        return AutoencoderConfig(encoder=encoder)


@dataclass(frozen=True, slots=True)
class Baseline:
    """Another's model in the place of ours, to compare with."""

    build_model: Callable[[BenchCase, Clips], nn.Module]
    """Makes a task that steps on these clips."""
    flops: Callable[[BenchCase], int]
    """Operations of forward and backward for one clip, as that model computes."""


class StepRunner:
    """A model, an optimizer and clips, ready to step again and again."""

    def __init__(self, case: BenchCase, runtime: Runtime, baseline: Baseline | None = None) -> None:
        """Get ready, with another's model in the place of ours if there is one to compare with."""
        self.case, self.runtime, self._baseline = case, runtime, baseline
        self.clips = random_clips(case, runtime.device)
        task = (
            baseline.build_model(case, self.clips)
            if baseline
            else _build_task(case, runtime.device)
        )
        self.task = task.to(runtime.device).train()
        if runtime.compile:
            compile_blocks(self.task)
        config = OptimConfig(
            lr=_LR, epochs=1.0, warmup_epochs=0.0, global_batch_size=1, clip_norm=CLIP_NORM
        )
        self.optimizer = build_optimizer(self.task, config)

    def step(self) -> StepResult:
        """Do forward, backward, the norm's limit and AdamW, without waiting for the device."""
        return train_step(
            self.task,
            self.optimizer,
            [self.clips],
            lr=_LR,
            clip_norm=CLIP_NORM,
            runtime=self.runtime,
        )

    @property
    def flops(self) -> int:
        """Floating-point operations of the products of a step."""
        case = self.case
        if self._baseline:
            return self._baseline.flops(case) * case.batch_size
        counts = count_tokens(MASKINGS[case.masking], case.model.encoder.cubes.grid)
        return compute_step_flops(case.model, counts) * case.batch_size


def _build_task(case: BenchCase, device: torch.device) -> PretrainTask:
    """Our model and loss, with first weights."""
    with torch.device(device):
        model = Autoencoder(case.model)
    init_autoencoder_weights(model, torch.Generator(device).manual_seed(0))
    return PretrainTask(model, MASKINGS[case.masking])


def compute_step_flops(
    model: AutoencoderConfig, counts: TokenCounts, *, trim_last_block: bool = True
) -> int:
    """Operations of forward and backward for one clip: two for each multiply-accumulate.

    The backward pass has two products for each of the forward pass, but pixels have no gradient.

    Args:
        model: Its sizes.
        counts: Where the tokens go.
        trim_last_block: The decoder's last block is computed for the answers only, as it is here.
    """
    macs = count_autoencoder_macs(model, counts, trim=trim_last_block)
    pixels = counts.embedded * model.encoder.cubes.values * model.encoder.shape.embed_dim
    return 2 * (3 * macs - pixels)


def random_clips(case: BenchCase, device: torch.device) -> Clips:
    """Clips of random pixels."""
    generator = torch.Generator(device).manual_seed(0)
    shape = (case.batch_size, case.frames, case.side, case.side, case.model.encoder.channels)
    return Clips(
        torch.randint(0, 256, shape, dtype=torch.uint8, device=device, generator=generator),
        torch.arange(case.batch_size, device=device),
        torch.ones(case.batch_size, device=device),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTiming:
    """What a step costs."""

    size: str
    masking: str
    precision: str
    compiled: bool
    deterministic: bool
    """Whether kernels had to give the same bits every time."""
    batch_size: int
    repeats: int
    median_seconds: float
    min_seconds: float
    max_seconds: float
    clips_per_second: float
    flops_per_second: float
    """Of the products of forward and backward; computing activations again does not count."""
    share_of_peak: float | None
    """Of the rate of plain matrix products in the same precision."""
    peak_memory_gib: float
    """The most at one time: of the device, or of the process on a CPU."""


def measure_step(
    case: BenchCase,
    runtime: Runtime,
    *,
    repeats: int = 7,
    warmups: int = 2,
    steps_per_timing: int = 1,
    peak: float | None = None,
    baseline: Baseline | None = None,
) -> StepTiming:
    """Time whole steps.

    Args:
        case: What to train.
        runtime: Where and how.
        repeats: Timings that count.
        warmups: Timings before them.
        steps_per_timing: Steps of a timing; a GPU is kept busy only if nobody waits between steps.
        peak: Operations per second of plain products, to compare with.
        baseline: Another's model, to compare with; ours if not given.
    """
    reset_peak_memory(runtime.device)
    runner = StepRunner(case, runtime, baseline)
    times = list(time_steps(runner, warmups + repeats, steps_per_timing=steps_per_timing))[warmups:]
    median_seconds = median(times)
    rate = runner.flops / median_seconds
    return StepTiming(
        size=case.size,
        masking=case.masking,
        precision=runtime.precision,
        compiled=runtime.compile,
        deterministic=torch.are_deterministic_algorithms_enabled(),
        batch_size=case.batch_size,
        repeats=repeats,
        median_seconds=median_seconds,
        min_seconds=min(times),
        max_seconds=max(times),
        clips_per_second=case.batch_size / median_seconds,
        flops_per_second=rate,
        share_of_peak=rate / peak if peak else None,
        peak_memory_gib=highest_memory_gib(runtime),
    )


def time_steps(runner: StepRunner, timings: int, *, steps_per_timing: int = 1) -> Iterator[float]:
    """Time a step several times, in wall seconds; the device is waited for after each timing."""
    for _ in range(timings):
        started = time.perf_counter()
        for _ in range(steps_per_timing):
            result = runner.step()
        if not result.loss.isfinite().item():  # waits for the device
            raise FloatingPointError("the loss of a measured step is not finite")
        if runner.runtime.device.type == "cuda":
            torch.cuda.synchronize(runner.runtime.device)
        yield (time.perf_counter() - started) / steps_per_timing
