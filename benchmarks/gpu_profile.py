"""Where the time of a step goes, kernel by kernel."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from torch.profiler import ProfilerActivity, profile

from videomae2.jobs.bench.model import Stepper

STEPS = 2


def step_profile(stepper: Stepper, *, rows: int = 15) -> list[dict[str, Any]]:
    """The kernels (on a CPU: operators) that take most of a step."""
    cuda = stepper.runtime.device.type == "cuda"
    for _ in range(2):
        stepper.step().loss.item()
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=kinds) as found:
        for _ in range(STEPS):
            stepper.step().loss.item()
    return table(found.key_averages(), cuda=cuda, rows=rows)


def table(events: Iterable[Any], *, cuda: bool, rows: int) -> list[dict[str, Any]]:
    """The rows of the report.

    On a GPU only what ran there counts: operators repeat the time of their kernels, and so do
    annotations such as the optimizer's, which the profiler shows on the device too.
    """
    spent: Counter[tuple[str, str]] = Counter()
    for event in events:
        device = "CUDA" if "CUDA" in str(event.device_type) else "CPU"
        if not event.is_user_annotation:
            time = event.self_device_time_total if device == "CUDA" else event.self_cpu_time_total
            spent[event.key, device] += time
    wanted = "CUDA" if cuda else "CPU"
    kernels = {key: time for (key, device), time in spent.items() if device == wanted}
    whole = sum(kernels.values()) or 1.0
    most = sorted(kernels.items(), key=lambda item: -item[1])[:rows]
    return [
        {"kernel": key[:120], "ms_per_step": time / 1000 / STEPS, "share": time / whole}
        for key, time in most
    ]
