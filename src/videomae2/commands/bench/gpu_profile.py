"""Where the time of a step goes, kernel by kernel."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from torch.profiler import ProfilerActivity, profile

from videomae2.commands.bench.model import StepRunner

_PROFILED_STEPS = 2


def profile_step(runner: StepRunner, *, rows: int = 15) -> list[dict[str, Any]]:
    """The kernels (on a CPU: operators) that take most of a step."""
    cuda = runner.runtime.device.type == "cuda"
    for _ in range(2):
        runner.step().loss.item()
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=kinds) as profiler:
        for _ in range(_PROFILED_STEPS):
            runner.step().loss.item()
    return build_kernel_rows(profiler.key_averages(), cuda=cuda, rows=rows)


def build_kernel_rows(events: Iterable[Any], *, cuda: bool, rows: int) -> list[dict[str, Any]]:
    """The rows of the report.

    On a GPU only what ran there counts: operators repeat the time of their kernels, and so do
    annotations such as the optimizer's, which the profiler shows on the device too.
    """
    seconds_by_kernel: Counter[tuple[str, str]] = Counter()
    for event in events:
        device = "CUDA" if "CUDA" in str(event.device_type) else "CPU"
        if not event.is_user_annotation:
            time = event.self_device_time_total if device == "CUDA" else event.self_cpu_time_total
            seconds_by_kernel[event.key, device] += time
    device_type = "CUDA" if cuda else "CPU"
    kernels = {
        key: time for (key, device), time in seconds_by_kernel.items() if device == device_type
    }
    total = sum(kernels.values()) or 1.0
    largest = sorted(kernels.items(), key=lambda item: -item[1])[:rows]
    return [
        {"kernel": key[:120], "ms_per_step": time / 1000 / _PROFILED_STEPS, "share": time / total}
        for key, time in largest
    ]
