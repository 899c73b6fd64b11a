"""What bench-gpu does with what does not fit, fails, or is to be profiled; on a CPU."""

import json
import time
from types import SimpleNamespace

import pytest
import torch

from videomae2.commands.bench import gpu_measurements
from videomae2.commands.bench.gpu_measurements import Measurement, find_largest
from videomae2.commands.bench.gpu_profile import build_kernel_rows
from videomae2.commands.bench.model import BenchCase, StepRunner, random_clips
from videomae2.training.runtime import Runtime


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 7, 40, 100])
def test_the_largest_batch_is_found_to_a_tenth(limit):
    tried = []

    def works(batch):
        tried.append(batch)
        return batch <= limit

    found = find_largest(works, first=4, upper_limit=64, is_over=lambda: False)
    best = min(limit, 64)
    assert best - max(1, best // 10) <= found <= best
    assert len(tried) <= 10


def test_the_search_ends_when_time_is_over():
    assert find_largest(lambda _: True, first=4, upper_limit=64, is_over=lambda: True) == 0


def too_large(*_):
    raise torch.OutOfMemoryError("no")


def broken():
    raise RuntimeError("a kernel is missing\nand more")


def test_a_measurement_that_fails_costs_only_itself(tmp_path, make_bench):
    bench = make_bench(["step"])
    seen = []
    look = lambda: seen.append(json.loads((tmp_path / "gpu.json").read_text()))  # noqa: E731
    works = {"one": too_large, "two": broken, "three": look, "four": look}
    bench.run([Measurement(name, "step", work) for name, work in works.items()])
    assert bench.report.skipped == ["one: does not fit", "two: RuntimeError: a kernel is missing"]
    assert [one["unfinished"] for one in seen] == [["three", "four"], ["four"]]
    assert seen[0]["skipped"] == bench.report.skipped


def test_a_device_that_fails_leaves_what_was_measured(tmp_path, make_bench, monkeypatch):

    def sticky():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(gpu_measurements, "free_device_memory", sticky)
    bench = make_bench(["step"])
    bench.report.remarks.append("measured before")
    bench.run([Measurement(name, "step", broken) for name in ("one", "two")])
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["remarks"] == ["measured before"]
    assert [line.split(":")[0] for line in found["skipped"]] == ["one", "memory after one", "two"]
    assert found["skipped"][-1] == "two: the device failed before it"


@pytest.mark.slow
def test_a_batch_that_does_not_fit_is_halved_and_that_is_said(tmp_path, make_bench):
    bench = make_bench(["step"])
    case = BenchCase(size="giant", batch_size=64)
    fits = lambda case: case.batch_size if case.batch_size <= 16 else too_large()  # noqa: E731
    assert bench._halve_until_fits(case, fits) == 16
    assert bench.report.remarks == [
        "giant dual: 64 clips do not fit, 32 tried",
        "giant dual: 32 clips do not fit, 16 tried",
    ]
    with pytest.raises(torch.OutOfMemoryError):
        bench._halve_until_fits(case, too_large)


def test_clips_that_do_not_fit_are_a_batch_that_does_not_fit(tmp_path, make_bench, monkeypatch):
    made = gpu_measurements.random_clips
    small = lambda case, device: made(case, device) if case.batch_size < 3 else too_large()  # noqa: E731
    monkeypatch.setattr(gpu_measurements, "random_clips", small)
    bench = make_bench(["largest"])
    bench._until = time.monotonic() + 100
    bench.largest(BenchCase(size="tiny", side=32, batch_size=4))
    (row,) = bench.report.largest
    assert (row["batch"], row["limited_by"]) == (2, "memory")


def event(key, device, spent, *, annotation=False):
    return SimpleNamespace(
        key=key,
        device_type=f"DeviceType.{device}",
        is_user_annotation=annotation,
        self_device_time_total=spent,
        self_cpu_time_total=0.0,
    )


def test_a_profile_counts_kernels_once_and_no_annotations():
    events = [
        event("gemm", "CUDA", 6000.0),
        event("copy", "CUDA", 1000.0),
        event("copy", "CPU", 5000.0),
        event("copy", "CUDA", 1000.0),
        event("Optimizer.step#AdamW.step", "CUDA", 9000.0, annotation=True),
    ]
    assert build_kernel_rows(events, cuda=True, rows=5) == [
        {"kernel": "gemm", "ms_per_step": 3.0, "share": 0.75},
        {"kernel": "copy", "ms_per_step": 1.0, "share": 0.25},
    ]


def test_operations_of_their_model_are_those_that_torch_counts():
    pytest.importorskip("transformers")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from videomae2.commands.bench.transformers_baseline import TRANSFORMERS_BASELINE

    case = BenchCase(size="tiny", masking="v1", batch_size=2, side=64)
    cpu = torch.device("cpu")
    task = TRANSFORMERS_BASELINE.build_model(case, random_clips(case, cpu))
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        task(random_clips(case, cpu))[0].backward()
    counted = counter.get_total_flops()
    runtime = Runtime(cpu, "fp32", compile=False)
    runner = StepRunner(case, runtime, TRANSFORMERS_BASELINE)
    assert runner.flops == pytest.approx(counted, rel=1e-3)
    assert TRANSFORMERS_BASELINE.flops(case) * 2 > StepRunner(case, runtime).flops
