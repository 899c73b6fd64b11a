"""A task small enough to train in a test, with clips made from the step."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from videomae2.base.signals import SignalHandler
from videomae2.tensors.clips import Clips
from videomae2.training.loop import Callback, LoopConfig
from videomae2.training.metrics_buffer import LogWindow, StepRecord
from videomae2.training.optim import OptimConfig, build_optimizer
from videomae2.training.prefetch import MicroBatch
from videomae2.training.runtime import RuntimeConfig, prepare_runtime


class Fit(nn.Module):
    """Learns one vector; a clip whose first pixel is 255 gives a loss that is not finite."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 8).repeat(2, 1))

    def forward(self, clips: Clips) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        first = clips.pixels[:, 0, 0, 0, 0].float()
        wanted = torch.where(first == 255, torch.nan, first / 255).mean()
        loss = (self.weight - wanted).square().mean()
        return loss, clips.weights.sum(), {"wanted": wanted}


class Recorder(Callback):
    """Keeps what is reported of each step."""

    def __init__(self) -> None:
        self.records: list[StepRecord] = []

    def on_log(self, window: LogWindow) -> None:
        self.records.extend(window.records)


def clips(value: int, count: int = 2) -> Clips:
    pixels = torch.full((count, 2, 4, 4, 3), value, dtype=torch.uint8)
    return Clips(pixels, torch.arange(count), torch.ones(count))


def parts(first: int, stop: int, *, bad: tuple[int, ...] = ()) -> Iterator[MicroBatch]:
    for step in range(first, stop):
        value = 255 if step in bad else (37 * step) % 200
        yield MicroBatch(clips(value), [f"video-{step}"])


def plan(steps: int, **changed: object) -> LoopConfig:
    settings: dict[str, object] = {
        "steps": steps,
        "gradient_accumulation_steps": 1,
        "lr_schedule": lambda step: 0.1 / (step + 1),
        "clip_norm": None,
        "log_interval": 3,
        "checkpoint_interval": 1000,
        "max_nonfinite_steps": 3,
    }
    return LoopConfig(**(settings | changed))


def optimizer(task: nn.Module):
    return build_optimizer(
        task, OptimConfig(lr=0.1, epochs=1.0, warmup_epochs=0.0, global_batch_size=1)
    )


def settings():
    runtime = prepare_runtime(RuntimeConfig(device="cpu", precision="fp32"))
    return {"runtime": runtime, "signals": SignalHandler()}
