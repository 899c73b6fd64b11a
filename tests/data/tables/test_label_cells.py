"""What a cell of labels may look like: names, lists of names, and nothing that only looks so."""

import json

import pytest

from videomae2.data.loading.labels import LabelConfig, read_multilabel
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.read import read_manifest
from videomae2.data.tables.label_cells import parse_list_cell
from videomae2.errors import ManifestError

LISTS = [
    "['sit' 'run']",
    "['sit'\n 'run']",
    '["sit" "run"]',
    "('sit', 'run')",
    "['sit', 'run',]",
    "[np.str_('sit') np.str_('run')]",
    "[np.str_('sit'), np.str_('run')]",
    '("sit", "run")',
    "[numpy.str_(\"sit\")  'run']",
    "['sit','run']",
]
SINGLE = [
    "('run',)",
    "['run']",
    "[np.str_('run')]",
    '("run",)',
    "[ 'run' ]",
    "[numpy.str_('run')]",
    "('run')",
    "['run',]",
]
NO_NAMES = [
    "'run'",
    '"run"',
    "`run`",
    "\u2018run\u2019",
    "\u201crun\u201d",
    "\u00abrun\u00bb",
    "#REF!",
    "#DIV/0!",
    "#VALUE!",
    "#NAME?",
    "Err:502",
    "=B2",
    "=VLOOKUP(A1;B:C;2)",
    "['sit''run']",
    "['sit'",
    "['sit' ... 'run']",
    "[run, sit]",
    "array(['run'], dtype=object)",
    "set(['run'])",
    "frozenset({'run'})",
    "['run'; 'sit']",
    "[np.str_('sit')np.str_('run')]",
    "np.str_('run')",
    "[Label('run')]",
]
NAMES = [
    "pull (up)",
    "(re)start",
    "(unknown)",
    "[background]",
    "rock'n'roll",
    "'n' roll",
    "don't",
    "5'",
    "walk [slow]",
    "C#",
    "#1",
    "a = b",
    "+",
    "<none of these>",
    "run (fast), then sit",
    "x()",
    "f(x)",
    '12"',
    "@home",
    "sit/run",
    "\U0001f44d",
]
MARKS = ["?", "-", "--", "...", "\u2026", "\u2014", "_", "/", "??", "*", ".", "- -"]


def read(folder, *cells, **options):
    rows = [{"path": f"{n}.mp4", "label": cell} for n, cell in enumerate(cells)]
    (folder / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for n in range(len(cells)):
        (folder / f"{n}.mp4").touch()
    return read_manifest(folder / "list.jsonl", **{"labels": "required", **options})


def read_several(folder, *cells, expected=None):
    read(folder, *cells, labels="ignore")
    source = SourceConfig(path=folder / "list.jsonl")
    return read_multilabel((source,), LabelConfig(), expected=expected)


@pytest.mark.parametrize("cell", LISTS)
def test_a_list_is_its_members_whoever_wrote_it(tmp_path, cell):
    assert read_several(tmp_path, cell, "run").targets[0].tolist() == [[1, 1], [1, 0]]
    with pytest.raises(ManifestError, match="is a list of 2 names, sit, run; one class is wanted"):
        read(tmp_path, cell, "run")


@pytest.mark.parametrize("cell", SINGLE)
def test_a_list_of_one_is_that_one(tmp_path, cell):
    assert read(tmp_path, cell, "run", "sit").class_names == ("run", "sit")
    assert read_several(tmp_path, cell, "sit").class_names == ("run", "sit")


@pytest.mark.parametrize(("cell", "names"), [("[0 1]", ["0", "1"]), ("[3]", ["3"]), ("[]", [])])
def test_a_list_of_numbers_is_one(cell, names):
    assert parse_list_cell(cell) == names


@pytest.mark.parametrize("cell", NO_NAMES)
def test_what_only_looks_like_a_name_is_refused(tmp_path, cell):
    for reader in (read, read_several):
        with pytest.raises(ManifestError, match=r"jsonl:2: label (is|looks like)"):
            reader(tmp_path, "sit", cell, "run")
    assert read(tmp_path, cell, "run", class_names=("run", cell)).labels.tolist() == [1, 0]


@pytest.mark.parametrize("cell", NAMES)
def test_other_names_are_names(tmp_path, cell):
    assert cell in read(tmp_path, "run", cell, "sit").class_names
    assert cell in read_several(tmp_path, "run", cell, "sit").class_names


@pytest.mark.parametrize("mark", MARKS)
def test_marks_alone_are_no_class_unasked(tmp_path, mark):
    for reader in (read, read_several):
        with pytest.raises(ManifestError, match=r"in 1 row .line 2.: no class, or one called so"):
            reader(tmp_path, "run", mark, "sit")
    assert read(tmp_path, "+", mark, class_names=("+", mark)).labels.tolist() == [0, 1]
