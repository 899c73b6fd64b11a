"""The checks of frame indices find their stride themselves, and say what they do not know."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden.check import main
from tests.golden.strides import strides
from tests.reference import released_clips as released

Families = dict[str, dict[str, Any]]


def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, families: Families
) -> tuple[int, list[dict[str, Any]], str]:
    path = tmp_path / "lists.json"
    path.write_text(json.dumps(families))
    code = main([str(path)])
    said = capsys.readouterr()
    return code, [json.loads(line) for line in said.out.splitlines()], said.err


def validation(stride: int, *num_frames: int, frames: int = 16) -> dict[str, list[int]]:
    return {str(n): released.validation_frames(n, frames, stride) for n in num_frames}


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 6])
def test_short_videos_alone_show_the_stride(
    stride: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = validation(stride, 5, 17, 31)
    code, checks, _ = run(capsys, tmp_path, {"frame_indices": {"validation_dense": table}})
    assert code == 0
    assert [check["pass"] for check in checks] == [True] * 3


def test_one_stride_for_the_file_where_a_table_allows_several() -> None:
    tables: Families = {
        "validation_dense": {"3": [2, 2, 2, 2]},  # any stride above 3
        "pretrain_exact_stride_given_start": {"90/3": released.pretrain_frames(90, 4, 6, start=3)},
        "test_dense_2_clips": {"4": [[0, 0]] * 2},
        "test_sparse_2_clips": {"9": [[0, 3], [1, 4]]},
        "train_dense_stride_3_given_window_end": {"50/49": [1]},
    }
    assert strides(tables) == {
        "validation_dense": 6,
        "pretrain_exact_stride_given_start": 6,
        "test_dense_2_clips": 6,
        "train_dense_stride_3_given_window_end": 3,
    }


def test_without_any_sign_the_stride_is_the_usual_one() -> None:
    assert strides({"validation_dense": {"1": [0, 0]}}) == {"validation_dense": 4}


def test_a_wrong_index_does_not_pass_as_another_stride(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = validation(2, 5, 17, 31, 100)
    table["31"][3] += 1
    code, checks, _ = run(capsys, tmp_path, {"frame_indices": {"validation_dense": table}})
    assert code == 1
    assert [check["pass"] for check in checks] == [True, True, False, True]


def test_what_is_not_known_is_skipped_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    families: Families = {"frame_indices": {"audio": {"5": [0]}}, "colours": {"a": [1]}}
    code, checks, said = run(capsys, tmp_path, families)
    assert code == 0
    assert [check["pass"] for check in checks] == [None, None]
    assert checks[0]["skipped"].startswith("no clips by that name here; known are pretrain, ")
    assert checks[1]["skipped"].startswith("no such family here; known are frame_indices, ")
    assert said == "2 skipped: nothing by these names is known here\n"


def test_a_table_without_its_numbers_fails_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = {"test_dense": {"9": [[0]]}, "validation_dense": validation(4, 5, 300)}
    code, checks, _ = run(capsys, tmp_path, {"frame_indices": tables})
    assert code == 1
    assert [check["pass"] for check in checks] == [False, True, True]
    assert "no number of clips in the key" in checks[0]["reason"]
