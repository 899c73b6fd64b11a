"""The comparison with transformers, small."""

import importlib.util
import json

import pytest

from tests.benchmarks.programs import run

SMALL = ("--size", "tiny", "--side", "32", "--batch", "2", "--rounds", "1")


@pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="transformers is not installed"
)
def test_both_take_turns_and_compute_the_same_loss(tmp_path):
    file = tmp_path / "numbers.json"
    words = ("--group", "transformers, fp32", "--json", str(file))
    done = run("side_by_side.py", *SMALL, *words)
    assert done.returncode == 0, done.stderr
    rows = json.loads(file.read_text())["groups"]["against transformers, fp32"]
    assert [row["code"] for row in rows] == ["transformers", "ours", "ours"]
    assert rows[0]["speed_over_first"] == 1
    assert all(row["median_seconds"] > 0 and row["peak_gib"] > 0 for row in rows)
    # other first weights, so alike only: a z-scored target has a mean square near 1
    assert rows[0]["loss"] == pytest.approx(rows[1]["loss"], rel=0.3)
    assert rows[1]["loss"] == pytest.approx(rows[2]["loss"], rel=1e-4)


def test_our_maskings_are_compared(tmp_path):
    file = tmp_path / "numbers.json"
    done = run("side_by_side.py", *SMALL, "--group", "masking", "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert "ours lean fp32" in done.stdout
