"""The GPU program, tried on a CPU: what it measures, writes and says."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from videomae2.commands.bench import gpu, gpu_worker
from videomae2.commands.bench.gpu import ALLOWANCES, TimeBudget
from videomae2.models.encoder import SIZES

SMALL = ("--device", "cpu", "--sizes", "tiny", "--side", "32", "--largest-batch", "5")


@pytest.mark.slow
def test_it_measures_and_writes_both_files(tmp_path, monkeypatch):
    monkeypatch.setenv("OUT", str(tmp_path))
    kinds = ("step", "profile", "largest", "deterministic")
    assert gpu_worker.main([*SMALL, "--kinds", *kinds]) == 0
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert [step["masking"] for step in found["steps"]] == ["dual", "lean", "v1", "dual"]
    assert [step["deterministic"] for step in found["steps"]] == [False] * 3 + [True]
    assert all(step["clips_per_second"] > 0 for step in found["steps"])
    assert found["largest"][0]["batch"] == 5
    assert found["skipped"] == found["remarks"] == found["unfinished"] == []
    assert len(found["profiles"]["tiny dual, 4 clips"]) == 15
    page = (tmp_path / "gpu.md").read_text()
    rows = [line.split()[:-9] for line in page.splitlines() if line.startswith("tiny, ")]
    assert rows == [
        ["tiny,", *words] for words in (["dual"], ["lean"], ["v1"], ["dual,", "deterministic"])
    ]


def test_what_the_time_does_not_suffice_for_is_left_out_and_said(tmp_path, capsys):
    assert gpu_worker.main([*SMALL, "--seconds", "1", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "Left out: matrix products: no time left; tiny dual step: no time left" in said
    assert "Not finished" not in said


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_it_says_so_and_ends_with_2(capsys):
    assert gpu_worker.main([]) == 2
    said = capsys.readouterr().err
    assert said == "bench-gpu measures a CUDA device and torch sees none here.\n"


def test_its_sizes_are_those_of_the_package():
    assert set(gpu.SIZES) == set(SIZES) == set(gpu_worker.BATCHES)


# ---- time


def test_what_comes_later_keeps_its_time():
    assert sum(seconds for _, seconds in ALLOWANCES.values()) <= 470 - 12 - 20
    end = time.monotonic() + 400
    clock = TimeBudget(["step", "largest", "compiled"], end=end)
    later = ALLOWANCES["largest"][1] + ALLOWANCES["compiled"][1]
    assert clock.end_time("step") == pytest.approx(end - later)
    assert clock.end_time("compiled") == end
    assert clock.has_time_for("step")
    assert not clock.is_requested("profile")
    now = time.monotonic()
    assert clock.deadline_for("compiled", 4) == pytest.approx(now + 100, abs=1)


def test_less_time_is_shared_in_proportion():
    whole = sum(ALLOWANCES[kind][1] for kind in ("peak", "step", "compiled"))
    end = time.monotonic() + whole / 4
    clock = TimeBudget(["step", "compiled"], end=end)
    compiled_seconds = ALLOWANCES["compiled"][1]
    assert clock.end_time("step") == pytest.approx(end - compiled_seconds / 4, abs=0.1)
    assert all(clock.has_time_for(kind) for kind in ("peak", "step", "compiled"))
    over = TimeBudget(["step"], end=time.monotonic() - 1)
    assert not over.has_time_for("peak")


def test_compiling_comes_last_and_v1_last_of_it(make_bench):
    bench = make_bench(gpu.MEASUREMENT_TYPES)
    measurements = gpu_worker.list_measurements(bench, ["small", "giant"], side=224)
    titles = [one.name for one in measurements]
    assert titles[0] == "matrix products"
    assert titles[-6:] == [f"{s} {m} compiled" for m in ("dual", "lean", "v1")
                           for s in ("small", "giant")]  # fmt: skip
    assert titles.index("giant largest") < titles.index("giant profile")


HANGS = """
import sys, time
from pathlib import Path
folder = Path(sys.argv[sys.argv.index("--out") + 1])
(folder / "gpu.md").write_text("so far")
time.sleep(600)
"""


@pytest.mark.slow
def test_what_hangs_is_stopped_and_leaves_its_files(tmp_path, monkeypatch, capsys):
    worker = tmp_path / "worker.py"
    worker.write_text(HANGS)
    monkeypatch.setattr(gpu, "WORKER", (str(worker),))
    monkeypatch.setattr(gpu, "_find_missing", lambda python: "")
    started = time.monotonic()
    assert gpu.main(["--seconds", "5", "--out", str(tmp_path)]) == 0
    assert time.monotonic() - started < 30
    assert f"stopped after 5 s; what was measured is in {tmp_path}" in capsys.readouterr().out
    assert (tmp_path / "gpu.md").read_text() == "so far"


def test_a_program_that_dies_is_said(tmp_path, monkeypatch, capsys):
    worker = tmp_path / "worker.py"
    worker.write_text("import os; os.kill(os.getpid(), 11)")
    monkeypatch.setattr(gpu, "WORKER", (str(worker),))
    monkeypatch.setattr(gpu, "_find_missing", lambda python: "")
    assert gpu.main(["--out", str(tmp_path)]) == 1
    assert "ended by signal 11; what was measured is in" in capsys.readouterr().err


# ---- which Python


def test_the_first_python_that_has_all_is_taken(tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(gpu, "PYTHONS", (tmp_path, Path(__file__), tmp_path / "no such"))
    monkeypatch.setattr(gpu, "_find_missing", lambda python: "torch" if python == tmp_path else "")
    monkeypatch.setattr(gpu, "run_until", lambda command, end: commands.append(command) or 0)
    assert gpu.main([]) == 0
    assert commands[0][0] == __file__


def test_no_python_with_torch_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "PYTHONS", (tmp_path,))
    monkeypatch.setattr(gpu, "_find_missing", lambda python: "torch, einops")
    assert gpu.main([]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert f"{tmp_path} lacks torch, einops. make setup installs them" in said


def test_this_python_has_all():
    assert gpu._find_missing(Path(sys.executable)) == ""


@pytest.mark.slow
def test_it_needs_no_more_than_a_gpu_image_has():
    code = """
import sys
import videomae2.commands.bench.gpu
print("torch" in sys.modules)
import videomae2.commands.bench.gpu_worker
print(*sorted(set(sys.modules) & {"av", "tyro", "yaml", "PIL", "matplotlib", "transformers"}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n\n"
