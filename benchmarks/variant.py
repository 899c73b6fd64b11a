"""A variant of ``side_by_side.py``: a process that steps whenever it is told to.

Every variant imports both packages before anything is measured, whichever it then runs, so
that the size of an import is not taken for the memory of a step.
"""

import json
import sys
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Literal

import torch

from videomae2.commands.bench.machine import (
    highest_memory_gib,
    reset_peak_memory,
    resident_memory_gib,
)
from videomae2.commands.bench.model import Baseline, BenchCase, MaskingName, StepRunner
from videomae2.tensors import matmul
from videomae2.training.runtime import RuntimeConfig, prepare_runtime


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Who steps, and how."""

    code: str
    """ours, or transformers."""
    masking: MaskingName = "v1"
    precision: Literal["fp32", "bf16"] = "fp32"
    matmul_backend: str = "chosen"
    """chosen: what a run takes here; default: PyTorch's own products and attention."""

    @property
    def name(self) -> str:
        plain = ", PyTorch's kernels" if self.matmul_backend == "default" else ""
        return f"{self.code} {self.masking} {self.precision}{plain}"


def run_variant(variant: Variant, case: BenchCase) -> None:
    """Be one variant: step whenever a line comes in, and answer with what it cost."""
    baseline = _load_baseline()
    runtime = prepare_runtime(RuntimeConfig(device="cpu", precision=variant.precision))
    if variant.matmul_backend == "default":
        matmul.set_backend("default")
    reset_peak_memory(runtime.device)
    memory_before = resident_memory_gib()
    torch.manual_seed(0)
    runner = StepRunner(
        replace(case, masking=variant.masking),
        runtime,
        baseline if variant.code == "transformers" else None,
    )
    for _ in sys.stdin:
        started = time.perf_counter()
        loss = runner.step().loss.item()
        seconds = time.perf_counter() - started
        peak = highest_memory_gib(runtime)
        step = None if memory_before is None else peak - memory_before
        response = {"seconds": seconds, "peak_gib": peak, "step_gib": step, "loss": loss}
        print(json.dumps(response), flush=True)


def _load_baseline() -> Baseline | None:
    """Import transformers' model, wherever it is installed, also where it will not step."""
    if find_spec("transformers") is None:
        return None
    from videomae2.commands.bench.transformers_baseline import TRANSFORMERS_BASELINE

    return TRANSFORMERS_BASELINE
