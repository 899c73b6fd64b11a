"""The GPU program, tried on a CPU: what it measures, writes and says."""

import json
import subprocess
import sys

import pytest
import torch

from tests.benchmarks.programs import FOLDER
from videomae2.engine.runtime import Runtime
from videomae2.tensors import products


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    before = products.used()
    import gpu

    yield gpu
    products.use(before)


@pytest.fixture
def measurements(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import gpu_measurements

    return gpu_measurements


SMALL = ("--device", "cpu", "--sizes", "tiny", "--side", "32", "--largest-batch", "5")


def test_it_measures_and_writes_both_files(gpu, tmp_path, monkeypatch):
    monkeypatch.setenv("OUT", str(tmp_path))
    assert gpu.main([*SMALL, "--kinds", "step", "profile", "largest"]) == 0
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert [step["masking"] for step in found["steps"]] == ["dual", "lean", "v1"]
    assert all(step["clips_per_second"] > 0 for step in found["steps"])
    assert found["largest"][0]["batch"] == 5
    assert found["left_out"] == []
    assert len(found["profiles"]["tiny dual, 4 clips"]) == 15
    page = (tmp_path / "gpu.md").read_text()
    assert "| tiny | lean | no | 4 |" in page


def test_what_the_time_does_not_suffice_for_is_left_out_and_said(gpu, tmp_path, capsys):
    assert gpu.main([*SMALL, "--seconds", "1", "--out", str(tmp_path)]) == 0
    assert "Left out: tiny dual step: no time left" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_it_says_so_and_ends_with_2(gpu, capsys):
    assert gpu.main([]) == 2
    said = capsys.readouterr().err
    assert said == "bench-gpu measures a CUDA device and torch sees none here.\n"


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 7, 40, 100])
def test_the_largest_batch_is_found_to_a_tenth(measurements, limit):
    tried = []

    def works(batch):
        tried.append(batch)
        return batch <= limit

    found = measurements.largest_that(works, first=4, most=64, until=lambda: False)
    best = min(limit, 64)
    assert best - max(1, best // 10) <= found <= best
    assert len(tried) <= 10


def test_the_search_ends_when_time_is_over(measurements):
    found = measurements.largest_that(lambda _: True, first=4, most=64, until=lambda: True)
    assert found == 0


def test_a_measurement_that_fails_costs_only_itself(measurements):
    runtime = Runtime(torch.device("cpu"), "fp32", compile=False)
    bench = measurements.Bench(runtime, kinds=["step"], seconds=100, largest_batch=4)

    def too_large():
        raise torch.OutOfMemoryError("no")

    def broken():
        raise RuntimeError("a kernel is missing\nand more")

    bench.run("one", "step", too_large)
    bench.run("two", "step", broken)
    bench.run("three", "profile", broken)
    assert bench.report.left_out == ["one: does not fit", "two: RuntimeError: a kernel is missing"]


def test_it_needs_no_more_than_a_gpu_image_has():
    code = f"""
import sys
sys.path.insert(0, {str(FOLDER)!r})
import gpu
print(*sorted(set(sys.modules) & {{"av", "tyro", "yaml", "PIL", "matplotlib", "transformers"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
