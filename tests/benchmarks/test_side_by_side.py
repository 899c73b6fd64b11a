"""The comparison with transformers, small."""

import importlib.util
import io
import json
import sys

import pytest

from tests.benchmarks.programs import FOLDER, run
from videomae2.commands.bench.model import BenchCase
from videomae2.tensors import matmul

TINY = {"size": "tiny", "batch_size": 2, "side": 32}
OURS = {"code": "ours", "masking": "v1", "precision": "fp32", "matmul_backend": "chosen"}

needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="transformers is not installed"
)


@pytest.fixture
def side_by_side(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    before = matmul.get_backend()
    import side_by_side

    yield side_by_side
    matmul.set_backend(before)


def compete(program, capsys, monkeypatch, **changed):
    """Be a variant for one step, and give the answer."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("step\n"))
    assert program.main(["--variant", json.dumps({**OURS, **TINY, **changed})]) == 0
    return json.loads(capsys.readouterr().out)


@needs_transformers
@pytest.mark.slow
def test_both_compute_the_same_kind_of_loss(side_by_side, capsys, monkeypatch):
    theirs = compete(side_by_side, capsys, monkeypatch, code="transformers")
    ours = compete(side_by_side, capsys, monkeypatch)
    # other first weights, so alike only: a z-scored target has a mean square near 1
    assert theirs["loss"] == pytest.approx(ours["loss"], rel=0.3)
    assert theirs["seconds"] > 0
    assert theirs["peak_gib"] > theirs["step_gib"] >= 0


@pytest.mark.slow
def test_kernels_change_nothing_but_rounding(side_by_side, capsys, monkeypatch):
    chosen = compete(side_by_side, capsys, monkeypatch)
    plain = compete(side_by_side, capsys, monkeypatch, matmul_backend="default")
    assert chosen["loss"] == pytest.approx(plain["loss"], rel=1e-4)


def test_numbers_are_compared_with_the_first_of_a_group(side_by_side):
    who = side_by_side.OURS
    row = side_by_side._summarize(
        who, [1.0, 4.0, 2.0], 3.0, {"peak_gib": 2.0, "step_gib": 0.5, "loss": 1.0}
    )
    assert row["median_seconds"] == 2.0
    assert row["time_over_first"] == pytest.approx(2 / 3)
    assert row["speed_over_first"] == pytest.approx(3 / 2)
    table = side_by_side.format_table("title", [row])
    assert "ours v1 fp32" in table
    assert table.splitlines()[0].endswith("peak GiB  step GiB")
    assert table.endswith("2.00      0.50")


def test_memory_that_nobody_tells_is_a_dash(side_by_side):
    last = {"peak_gib": 2.0, "step_gib": None, "loss": 1.0}
    row = side_by_side._summarize(side_by_side.OURS, [1.0], 1.0, last)
    assert side_by_side.format_table("title", [row]).endswith("2.00         -")


@needs_transformers
@pytest.mark.parametrize("code", ["ours", "transformers"])
def test_every_variant_imports_both_packages_first(code, side_by_side, monkeypatch):
    import variant

    seen, baseline = [], "videomae2.commands.bench.transformers_baseline"

    def before():
        seen.extend({"videomae2.models.autoencoder", baseline} & set(sys.modules))
        raise SystemExit(0)

    monkeypatch.delitem(sys.modules, baseline, raising=False)
    monkeypatch.setattr(variant, "resident_memory_gib", before)
    with pytest.raises(SystemExit):
        variant.run_variant(variant.Variant(code=code), BenchCase(size="tiny"))
    assert len(seen) == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs_transformers
def test_variants_take_turns(tmp_path):
    file = tmp_path / "numbers.json"
    words = ("--size", "tiny", "--side", "32", "--batch", "2", "--rounds", "1")
    done = run("side_by_side.py", *words, "--group", "s, fp32", "--json", str(file), seconds=500)
    assert done.returncode == 0, done.stderr
    rows = json.loads(file.read_text())["groups"]["against transformers, fp32"]
    assert [row["code"] for row in rows] == ["transformers", "ours", "ours"]
    assert rows[0]["speed_over_first"] == 1
    assert all(row["median_seconds"] > 0 for row in rows)
