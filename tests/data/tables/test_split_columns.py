"""Columns that part the rows into training and test are named where no filter reads them."""

import json

import pytest

from videomae2.data.manifests.read import read_manifest

SPLITS = [
    ("Split", ["TRAIN", "VAL", "TEST"]),
    ("usage", ["training", "testing"]),
    ("set", ["dev", "train"]),
    ("purpose", ["train_1", "train_2", "test_1"]),
    ("fold", ["0", "1", "2"]),
    ("subset", ["a", "b"]),
    ("is_test", ["0", "1"]),
    ("IsTrain", ["True", "False"]),
    ("in_val", ["yes", "no"]),
    ("partition", ["x", "", "y"]),
    ("which", ["train,val", "test"]),
]
OTHERS = [
    ("split", ["train", "train"]),
    ("camera", ["1", "2"]),
    ("site", ["test lab", "home"]),
    ("note", ["", ""]),
    ("banana_split", ["a"]),
    ("day", ["mon", "tue"]),
    ("trained_by", ["Ann", "Bob"]),
]


def read(folder, column, values, ending, **options):
    rows = [{"path": f"{n}.mp4", "label": n % 2, column: value}
            for n, value in enumerate([*values, values[0]])]  # fmt: skip
    if ending == "csv":
        lines = [list(rows[0]), *(row.values() for row in rows)]
        text = "\n".join(",".join(json.dumps(str(cell)) for cell in line) for line in lines)
    else:
        text = json.dumps(rows)
    (folder / f"list.{ending}").write_text(text)
    options = {"labels": "required", "check_some_exist": False, **options}
    return read_manifest(folder / f"list.{ending}", **options)


@pytest.mark.parametrize("labels", ["required", "ignore"])
@pytest.mark.parametrize("ending", ["csv", "json"])
@pytest.mark.parametrize(("column", "values"), SPLITS)
def test_rows_of_every_part_are_counted(tmp_path, column, values, ending, labels):
    (warning,) = read(tmp_path, column, values, ending, labels=labels).warnings
    name = column.lower()
    assert f"rows of every {name} are taken (2 {values[0]}, " in warning
    assert f"--data.sources.0.filter {name}=" in warning


@pytest.mark.parametrize(("column", "values"), SPLITS)
def test_a_filter_or_another_use_says_that_it_is_known(tmp_path, column, values):
    filtered = read(tmp_path, column, values, "csv", row_filter=f"{column}={values[0]}")
    assert filtered.warnings[-1:] == () or "rows of every" not in filtered.warnings[-1]
    extra = read(tmp_path, column, values, "csv", extra_columns=(column,))
    assert extra.warnings == ()


@pytest.mark.parametrize(("column", "values"), OTHERS)
def test_other_columns_part_nothing(tmp_path, column, values):
    assert read(tmp_path, column, values, "csv").warnings == ()


def test_the_training_part_is_suggested_and_all_rows_are_counted(tmp_path):
    values = ["test"] * 30 + ["train"] * 9 + ["val"]
    (warning,) = read(tmp_path, "split", values, "csv").warnings
    assert "(31 test, 9 train, 1 val): --data.sources.0.filter split=train takes those" in warning


def test_parts_in_parquet_are_counted(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = {"path": [f"{n}.mp4" for n in range(900)], "split": ["train"] * 600 + ["test"] * 300}
    parquet.write_table(pa.table(rows), tmp_path / "t.parquet")
    (warning,) = read_manifest(tmp_path / "t.parquet", check_some_exist=False).warnings
    assert "(600 train, 300 test)" in warning
