"""The numbers of the released code hold, and the program that compares them can also say no."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tests.golden.check import check_file, main

FIXTURES = Path(__file__).parent / "fixtures"
FILES = sorted(path for path in FIXTURES.iterdir() if path.suffix != ".md")
CLASSIFIER = FIXTURES / "classifier-p16.safetensors"
DUAL = FIXTURES / "pretrain-p16-dual.safetensors"


def _tampered(path: Path, entry: str, source: Path = DUAL) -> Path:
    """A copy of a file in which one entry is one per mille too large."""
    with safe_open(source, "pt") as file:
        values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    values[entry] = values[entry] * 1.001
    save_file(values, path, metadata)
    return path


def _run(capsys: pytest.CaptureFixture[str], *paths: Path) -> tuple[int, list[dict[str, object]]]:
    code = main([str(path) for path in paths])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_golden_value_holds(path: Path) -> None:
    checks = list(check_file(path))
    assert checks
    assert [check for check in checks if check["pass"] is not True or "skipped" in check] == []


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix == ".safetensors"])
def test_nothing_of_a_model_is_skipped(path: Path) -> None:
    checks = {check["name"]: check for check in check_file(path)}
    assert not any("skipped" in check for check in checks.values())
    with safe_open(path, "pt") as file:
        gradients = {name for name in file.keys() if name.startswith("grad")}  # noqa: SIM118
    assert gradients
    assert gradients < checks.keys()
    classifier = path.name.startswith("classifier")
    results = {"features", "logits"} if classifier else {"output", "target"}
    assert {"weights there and back", "loss", *results} < checks.keys()


def test_lists_check_sampling_masks_and_schedules() -> None:
    checks = list(check_file(FIXTURES / "golden.json"))
    done = [check["name"] for check in checks if check["pass"]]
    indices = (
        "pretrain_exact_stride",
        "train_dense",
        "validation_dense",
        "test_dense",
        "test_sparse",
    )
    for family in (*indices, "running_cell", "parameter_groups", "learning_rate_schedule"):
        assert any(family in name for name in done)


ENTRIES = ["output", "target", "loss", "grad.mask_token", "grad_norm.encoder.norm.bias"]


@pytest.mark.parametrize("entry", [*ENTRIES, "state.decoder.head.weight"])
def test_a_tampered_entry_fails(
    entry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, checks = _run(capsys, _tampered(tmp_path / "tampered.safetensors", entry))
    assert code == 1
    wrong = [str(check["name"]) for check in checks if check["pass"] is False]
    assert "output" in wrong if entry.startswith("state.") else wrong == [entry]


@pytest.mark.parametrize(
    "entry", ["features", "logits", "loss", "grad_norm.fc_norm.weight", "state.head.weight"]
)
def test_a_tampered_entry_of_a_classifier_fails(
    entry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, checks = _run(capsys, _tampered(tmp_path / "tampered.safetensors", entry, CLASSIFIER))
    assert code == 1
    wrong = [str(check["name"]) for check in checks if check["pass"] is False]
    assert "logits" in wrong if entry.startswith("state.") else wrong == [entry]


def test_parameter_groups_of_other_depths_and_decays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = json.loads((FIXTURES / "golden.json").read_text())["parameter_groups"]
    (groups,) = golden.values()
    one = {n: v for n, v in groups.items() if not n.startswith(("blocks.1.", "blocks.2."))}
    scales = {"p": 0.81, "b": 0.9, "f": 1.0, "h": 1.0}  # patch embedding, block, norm, head
    for name, said in one.items():
        said["lr_scale"] = scales[name[0]]
        said["weight_decay"] *= 2
    key = "depth 1, layer decay .9, weight decay 1e-1"
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"parameter_groups": {key: one}}))
    code, checks = _run(capsys, path)
    assert code == 0
    assert [check["pass"] for check in checks] == [True, True]
    one["head.bias"]["weight_decay"] = 0.1
    one["blocks.0.attn.q_bias"]["lr_scale"] = 0.81
    path.write_text(json.dumps({"parameter_groups": {key: one}}))
    code, checks = _run(capsys, path)
    assert code == 1
    assert [check["pass"] for check in checks] == [False, False]


def test_a_weight_that_is_not_a_number_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with safe_open(DUAL, "pt") as file:
        values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    values["state.decoder.head.bias"][3] = torch.nan
    save_file(values, tmp_path / "nan.safetensors", metadata)
    code, checks = _run(capsys, tmp_path / "nan.safetensors")
    wrong = {check["name"] for check in checks if check["pass"] is False}
    assert code == 1
    assert {"weights there and back", "output", "loss"} <= wrong


def test_lists_with_other_words_and_numbers_in_their_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden: dict[str, dict[str, Any]] = {
        "frame_indices": {
            "pretrain_exact_stride_given_start": {"90/3": [3, 9, 15, 21], "16/0": [0, 6, 12, 12]},
            "pretrain_exact_stride_2_given_start": {"5/0": [0, 2, 2], "1/0": [0, 0, 0]},
            "validation_dense": {"5": [0]},
            "validation_dense_stride_2": {"9": [0, 2, 5, 7], "3": [0, 2, 2, 2]},
            "test_dense_3_clips": {"15": [[0, 2, 4], [4, 6, 8], [10, 12, 14]], "1": [[0] * 3] * 3},
            "test_dense_stride_5_1_clip": {"26": [[5, 10, 15]]},
            "test_sparse_3_clips": {"7": [[0, 3], [1, 4], [2, 5]], "1": [[0, 0]] * 3},
            "test_sparse_1_clip": {"7": [[0, 3]]},
        },
        "running_cell_dropped_maps_grid_2x2x4": {
            "0.75": [
                [[1, 1, 1, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 1, 1, 1]],
                [[1, 0, 1, 0, 1, 1, 1, 1], [0, 1, 0, 1, 1, 1, 1, 1]],
                [[0, 1, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 1, 0]],
                [[1, 1, 1, 1, 1, 0, 1, 0], [1, 1, 1, 1, 0, 1, 0, 1]],
            ]
        },
        "learning_rate_schedule": {
            "base 2e-3, final 0, 1 epoch of 4 steps, 0 warm-up epochs": [
                0.002,
                0.001 * (1 + 0.5**0.5),
                0.001,
                0.001 * (1 - 0.5**0.5),
            ],
            "base 1, final 1, 3 epochs of 1 steps, 2 warm-up epochs": [0, 1, 1],
        },
        "something_else": {"depth 3": 1},
    }
    path = tmp_path / "other.json"
    path.write_text(json.dumps(golden))
    code, checks = _run(capsys, path)
    assert [check for check in checks if check["pass"] is False] == []
    assert code == 0
    assert sum(check["pass"] is True for check in checks) == 16
    golden["frame_indices"]["pretrain_exact_stride_given_start"]["90/3"][2] = 16
    path.write_text(json.dumps(golden))
    assert _run(capsys, path)[0] == 1


def test_what_cannot_be_read_is_a_failed_check_and_the_others_still_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    odd = tmp_path / "odd.json"
    odd.write_text('{"running_cell_dropped_maps_grid_8x5x5": {"0.5": [[[0]]]}, "other": {}}')
    code, checks = _run(capsys, broken, odd)
    assert code == 1
    assert [check["pass"] for check in checks] == [False, False, None]
    assert "do not tile 5x5" in str(checks[1]["reason"])


@pytest.mark.slow
def test_the_program_exits_with_1_and_strict_json(tmp_path: Path) -> None:
    path = _tampered(tmp_path / "tampered.safetensors", "loss")
    program = [sys.executable, str(Path(__file__).with_name("check.py"))]
    done = subprocess.run(
        [*program, str(path)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    assert all({"file", "name", "error", "bound", "pass"} <= check.keys() for check in checks)
    assert subprocess.run(program, capture_output=True, check=False).returncode == 2
