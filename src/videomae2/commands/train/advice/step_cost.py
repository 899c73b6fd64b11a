"""What a run costs on this machine: a step measured on random clips, times the steps to go."""

import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from videomae2.base.summary import Summary
from videomae2.base.text import format_duration
from videomae2.commands.train.setup import TrainingJob
from videomae2.models.encoder import EncoderConfig
from videomae2.tensors.clips import Clips, Targets
from videomae2.training.optim import OptimConfig, build_optimizer
from videomae2.training.runtime import Runtime, bf16_is_fast
from videomae2.training.step import TrainingTask, train_step

MAX_SECONDS = 3.0
"""Of measuring; what would take longer is not measured."""
_MAX_STEPS = 3
_MAX_CLIP_FLOPS = {"cpu": 1e11, "cuda": 1e13}  # a third of it at a modest rate
_EMULATED_SHARE = 0.05  # of them, where each product in bf16 is made of others
_UNMEASURED = "not measured: a step would take more than {:g} s to measure here"


def summarize_cost(job: TrainingJob, num_steps: int, runtime: Runtime) -> Summary:
    """Say how long so many steps of a run take here, going by a few of them on random clips."""
    run, trial = job.run, job.get_trial()
    if trial is None:
        return Summary((("time", "not measured: it depends on the teacher and its cache"),))
    is_emulated = runtime.precision == "bf16" and not bf16_is_fast(runtime.device)
    max_flops = _MAX_CLIP_FLOPS[runtime.device.type] * (_EMULATED_SHARE if is_emulated else 1)
    if 6 * job.count_macs() > max_flops:  # forward and backward
        return Summary((("time", _UNMEASURED.format(MAX_SECONDS)),))
    parts = run.optim.gradient_accumulation_steps
    micro_batch = run.optim.global_batch_size // parts * run.data.views
    try:
        meter = _StepMeter(trial.build_task(), trial.target, run.model.encoder, run.optim, runtime)
        seconds = meter.measure(micro_batch)
    except torch.OutOfMemoryError:
        text = f"a micro-batch of {micro_batch} clips needs more memory than {runtime.device} has"
        return Summary((("warning", f"{text}; --optim.micro-batch-size takes fewer at once"),))
    if seconds is None:
        return Summary((("time", _UNMEASURED.format(MAX_SECONDS)),))
    step_seconds = parts * seconds
    compiled = ", not compiled" if runtime.compile else ""
    text = (
        f"{_format_cost(step_seconds * num_steps)} of computing here, {step_seconds:.2g} s a step "
        f"of {micro_batch * parts} random clips{compiled}; reading and augmenting comes on top"
    )
    return Summary((("time", text),))


@dataclass(slots=True)
class _StepMeter:
    """Steps of a task on random clips."""

    task: nn.Module
    targets: Tensor | None
    """Of one clip, if the task wants them."""
    encoder: EncoderConfig
    optim: OptimConfig
    runtime: Runtime

    def measure(self, micro_batch: int) -> float | None:
        """Seconds of a micro-batch; None if that would take too long.

        Larger ones than there is time for are judged by a part.
        """
        task = self.task.to(self.runtime.device).train()
        assert isinstance(task, TrainingTask)
        optimizer = build_optimizer(self.task, self.optim)
        end = time.perf_counter() + MAX_SECONDS  # imports behind the optimizer are no step

        def step(num_clips: int) -> float:
            clips = self._draw_clips(num_clips)
            started = time.perf_counter()
            result = train_step(
                task, optimizer, [clips], lr=0.0, clip_norm=None, runtime=self.runtime
            )
            result.loss.item()  # waits for the device
            return time.perf_counter() - started

        step(1)
        one = step(1)
        remaining = end - time.perf_counter()
        if one > remaining:
            return None
        num_clips = max(1, min(micro_batch, int(remaining / one / 2)))
        seconds = [step(num_clips)]
        while len(seconds) < _MAX_STEPS and seconds[-1] < end - time.perf_counter():
            seconds.append(step(num_clips))
        return statistics.median(seconds) * micro_batch / num_clips

    def _draw_clips(self, num_clips: int) -> Clips:
        device, encoder = self.runtime.device, self.encoder
        shape = (num_clips, encoder.frames, encoder.height, encoder.width, encoder.channels)
        generator = torch.Generator(device).manual_seed(0)
        targets: Targets | None = None
        if self.targets is not None:
            targets = self.targets.to(device).expand(num_clips, *self.targets.shape[1:]).clone()
        return Clips(
            torch.randint(0, 256, shape, dtype=torch.uint8, device=device, generator=generator),
            torch.arange(num_clips, device=device),
            torch.ones(num_clips, device=device),
            targets,
        )


def _format_cost(seconds: float) -> str:
    """Minutes as a forecast says them: no finer than it is."""
    return f"about {format_duration(seconds if seconds < 60 else round(seconds / 10) * 10)}"
