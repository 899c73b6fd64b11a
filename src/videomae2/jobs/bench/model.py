"""One step of pre-training on clips made up in memory: what it costs and how near the limit."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Literal

import torch
from torch import nn
from torch.optim import AdamW

from videomae2.engine.optim import OptimConfig, build_optimizer
from videomae2.engine.runtime import Runtime, compile_blocks
from videomae2.engine.step import StepResult, Task, train_step
from videomae2.jobs.bench.machine import highest_memory_gib, reset_peak_memory
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.initial import initialise
from videomae2.models.macs import TokenCounts, autoencoder_macs
from videomae2.models.sizes import SizeName
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask, token_counts
from videomae2.tensors.clips import Clips

MaskingName = Literal["dual", "lean", "v1"]

MASKINGS: dict[MaskingName, MaskingConfig] = {
    "dual": MaskingConfig(),
    "lean": MaskingConfig(queries="lean"),
    "v1": MaskingConfig(decoder="none"),
}
CLIP_NORM = 1.0
_LR = 1e-5


@dataclass(frozen=True, kw_only=True, slots=True)
class StepCase:
    """What is trained in a measured step."""

    size: SizeName = "base"
    masking: MaskingName = "dual"
    batch: int = 2
    """Clips."""
    frames: int = 16
    side: int = 224
    """Height and width of a clip in pixels."""
    checkpoint_blocks: bool = False

    @property
    def model(self) -> AutoencoderConfig:
        """The model's configuration."""
        encoder = EncoderConfig(
            size=self.size,
            frames=self.frames,
            height=self.side,
            width=self.side,
            checkpoint_blocks=self.checkpoint_blocks,
        )
        return AutoencoderConfig(encoder=encoder)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepNumbers:
    """What a step costs."""

    size: str
    masking: str
    precision: str
    compiled: bool
    batch: int
    repeats: int
    median_seconds: float
    least_seconds: float
    most_seconds: float
    clips_per_second: float
    flops_per_second: float
    """Of the products of forward and backward; computing activations again does not count."""
    share_of_peak: float | None
    """Of the rate of plain matrix products in the same precision."""
    memory_gib: float
    """The most at one time: of the device, or of the process on a CPU."""


class Stepper:
    """A model, an optimizer and clips, ready to step again and again."""

    def __init__(
        self,
        case: StepCase,
        runtime: Runtime,
        build: Callable[[Clips], nn.Module] | None = None,
    ) -> None:
        """Get ready.

        Args:
            case: What to train.
            runtime: Where and how.
            build: Makes a task of another's model, to compare with; ours if not given.
        """
        self.case, self.runtime = case, runtime
        self.clips = made_up_clips(case, runtime.device)
        made = build(self.clips) if build else build_task(case, runtime.device)
        self.task = made.to(runtime.device).train()
        if runtime.compile:
            compile_blocks(self.task)
        self.optimizer = make_optimizer(self.task)

    def step(self) -> StepResult:
        """Do forward, backward, the norm's limit and AdamW, without waiting for the device."""
        return one_step(self.task, self.optimizer, self.clips, self.runtime)

    @property
    def flops(self) -> int:
        """Floating-point operations of the products of a step."""
        grid = self.case.model.encoder.cubes.grid
        counts = token_counts(MASKINGS[self.case.masking], grid)
        return step_flops(self.case.model, counts) * self.case.batch


def build_task(case: StepCase, device: torch.device) -> PretrainTask:
    """Our model and loss, with first weights."""
    with torch.device(device):
        model = Autoencoder(case.model)
    initialise(model, torch.Generator(device).manual_seed(0))
    return PretrainTask(model, MASKINGS[case.masking])


def make_optimizer(task: nn.Module) -> AdamW:
    """The optimizer of a run, for any model."""
    config = OptimConfig(lr=_LR, epochs=1.0, warmup_epochs=0.0, batch=1, clip_norm=CLIP_NORM)
    return build_optimizer(task, config)


def one_step(task: Task, optimizer: AdamW, clips: Clips, runtime: Runtime) -> StepResult:
    """The step of the training loop."""
    return train_step(task, optimizer, [clips], lr=_LR, clip_norm=CLIP_NORM, runtime=runtime)


def step_flops(model: AutoencoderConfig, counts: TokenCounts) -> int:
    """Operations of forward and backward for one clip: two for each multiply-accumulate.

    The backward pass has two products for each of the forward pass, but pixels have no gradient.
    """
    macs = autoencoder_macs(model, counts, trim=True)
    pixels = counts.embedded * model.encoder.cubes.values * model.encoder.shape.dim
    return 2 * (3 * macs - pixels)


def made_up_clips(case: StepCase, device: torch.device) -> Clips:
    """Clips of random pixels."""
    generator = torch.Generator(device).manual_seed(0)
    shape = (case.batch, case.frames, case.side, case.side, case.model.encoder.channels)
    return Clips(
        torch.randint(0, 256, shape, dtype=torch.uint8, device=device, generator=generator),
        torch.arange(case.batch, device=device),
        torch.ones(case.batch, device=device),
    )


def measure_step(
    case: StepCase,
    runtime: Runtime,
    *,
    repeats: int = 7,
    warmups: int = 2,
    in_row: int = 1,
    peak: float | None = None,
    build: Callable[[Clips], nn.Module] | None = None,
) -> StepNumbers:
    """Time whole steps.

    Args:
        case: What to train.
        runtime: Where and how.
        repeats: Timings that count.
        warmups: Timings before them.
        in_row: Steps of a timing; a GPU is kept busy only if nobody waits between steps.
        peak: Operations per second of plain products, to compare with.
        build: Makes a task of another's model, to compare with; ours if not given.
    """
    reset_peak_memory(runtime.device)
    stepper = Stepper(case, runtime, build)
    times = list(step_seconds(stepper, warmups + repeats, in_row=in_row))[warmups:]
    typical = median(times)
    rate = stepper.flops / typical
    return StepNumbers(
        size=case.size,
        masking=case.masking,
        precision=runtime.precision,
        compiled=runtime.compile,
        batch=case.batch,
        repeats=repeats,
        median_seconds=typical,
        least_seconds=min(times),
        most_seconds=max(times),
        clips_per_second=case.batch / typical,
        flops_per_second=rate,
        share_of_peak=rate / peak if peak else None,
        memory_gib=highest_memory_gib(runtime),
    )


def step_seconds(stepper: Stepper, timings: int, *, in_row: int = 1) -> Iterator[float]:
    """Wall seconds of a step, several times; the device is waited for after each ``in_row``."""
    for _ in range(timings):
        started = time.perf_counter()
        for _ in range(in_row):
            result = stepper.step()
        if not result.loss.isfinite().item():  # waits for the device
            raise FloatingPointError("the loss of a measured step is not finite")
        if stepper.runtime.device.type == "cuda":
            torch.cuda.synchronize(stepper.runtime.device)
        yield (time.perf_counter() - started) / in_row
