"""A contestant of ``side_by_side.py``: a process that steps whenever it is told to.

Every contestant imports both packages before anything is measured, whichever it then runs, so
that the size of an import is not taken for the memory of a step.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Literal

import torch
from torch import nn

from videomae2.engine.runtime import RuntimeConfig, prepare
from videomae2.jobs.bench.machine import (
    highest_memory_gib,
    reset_peak_memory,
    resident_memory_gib,
)
from videomae2.jobs.bench.model import (
    MaskingName,
    StepCase,
    build_task,
    made_up_clips,
    make_optimizer,
    one_step,
)
from videomae2.tensors import products
from videomae2.tensors.clips import Clips


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """Who steps, and how."""

    code: str
    """ours, or transformers."""
    masking: MaskingName = "v1"
    precision: Literal["fp32", "bf16"] = "fp32"
    products: str = "chosen"
    """chosen: what a run takes here; default: PyTorch's own products and attention."""

    @property
    def name(self) -> str:
        plain = ", PyTorch's kernels" if self.products == "default" else ""
        return f"{self.code} {self.masking} {self.precision}{plain}"


def compete(who: Contestant, case: StepCase) -> None:
    """Be one contestant: step whenever a line comes in, and answer with what it cost."""
    theirs = _their_task()
    runtime = prepare(RuntimeConfig(device="cpu", precision=who.precision))
    if who.products == "default":
        products.use("default")
    reset_peak_memory(runtime.device)
    before = resident_memory_gib()
    clips = made_up_clips(case, runtime.device)
    torch.manual_seed(0)
    task = (theirs if who.code == "transformers" else _our_task)(_of(who, case), clips).train()
    optimizer = make_optimizer(task)
    for _ in sys.stdin:
        started = time.perf_counter()
        loss = one_step(task, optimizer, clips, runtime).loss.item()
        seconds = time.perf_counter() - started
        peak = highest_memory_gib(runtime)
        step = None if before is None else peak - before
        answer = {"seconds": seconds, "peak_gib": peak, "step_gib": step, "loss": loss}
        print(json.dumps(answer), flush=True)


def _of(who: Contestant, case: StepCase) -> StepCase:
    return replace(case, masking=who.masking)


def _our_task(case: StepCase, clips: Clips) -> nn.Module:
    return build_task(case, clips.pixels.device)


def _their_task() -> Callable[[StepCase, Clips], nn.Module]:
    """Import transformers' model, wherever it is installed, also where it will not step."""
    if find_spec("transformers") is None:
        return _our_task
    from their_model import TheirTask

    return TheirTask
