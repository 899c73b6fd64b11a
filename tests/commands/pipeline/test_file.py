from pathlib import Path

import pytest

from videomae2.commands.pipeline.file import is_path, load_pipeline_file
from videomae2.errors import ConfigError


def read(folder, text):
    path = folder / "p.yaml"
    path.write_text(text)
    return load_pipeline_file(path)


def problems(folder, text):
    found = read(folder, text)
    found.path = Path(found.path.name)
    with pytest.raises(ConfigError) as caught:
        found.check()
    return caught.value.problems


def test_name_and_folder_come_from_the_file_if_not_given(tmp_path):
    found = read(tmp_path, "stages: {a: {kind: pretrain}}")
    assert (found.name, found.out) == ("p", Path("runs/p"))
    found = read(tmp_path, "name: n\nout: here\nstages: {a: {kind: pretrain}}")
    assert (found.name, found.out) == ("n", Path("here"))


def test_parents_come_before_children_and_else_the_file_decides(tmp_path):
    text = """stages:
  e: {kind: k, from: d}
  b: {kind: k}
  d: {kind: k, from: {teacher: b, student: a}}
  a: {kind: k}
  c: {kind: k, from: a}
"""
    found = read(tmp_path, text)
    assert [stage.name for stage in found.stages] == ["b", "a", "d", "e", "c"]
    assert found.stages[2].sources == {"teacher": "b", "student": "a"}
    assert found.stages[3].sources == {"": "d"}


def test_a_circle_is_an_error_that_shows_it(tmp_path):
    text = """stages:
  a: {kind: k, from: b}
  b: {kind: k, from: c}
  c:
    kind: k
    from: b
"""
    (problem,) = problems(tmp_path, text)
    assert problem == "p.yaml:3: the stages b -> c -> b wait for each other (from in lines 3, 6)"
    (alone,) = problems(tmp_path, "stages: {a: {kind: k, from: a}}")
    assert alone == "p.yaml:1: the stages a -> a wait for each other (from in lines 1)"


def test_every_problem_is_said_with_its_line(tmp_path):
    text = """nme: x
out: 3
shared: [1]
stages:
  pretrained:
    kind: k
    videos: [a, 3]
    recipes: own
  a.b: {kind: k}
  3: {kind: k}
  tuned:
    from: pretraned
  other: 4
  last: {kind: k, from: [tuned], settings: 5}
  more: {kind: k, from: {teacher: 1}, videos: []}
"""
    assert problems(tmp_path, text) == [
        "p.yaml:1: nme is nothing that stands here; did you mean name?",
        "p.yaml:2: out wants a text, found 3",
        "p.yaml:7: stages.pretrained.videos wants a path or a list of paths, found ['a', 3]",
        "p.yaml:8: stages.pretrained.recipes is nothing that stands here; did you mean recipe?",
        "p.yaml:9: stage 'a.b': a name is letters, digits, - and _",
        "p.yaml:10: stage 3: a name is letters, digits, - and _",
        "p.yaml:11: stages.tuned.kind is missing",
        "p.yaml:12: stages.tuned.from: pretraned is no stage here; did you mean pretrained?",
        "p.yaml:13: stages.other wants a section, found 4",
        "p.yaml:14: stages.last.from wants the name of a stage, or a section such as "
        "'teacher: big', found ['tuned']",
        "p.yaml:14: stages.last.settings wants a section, found 5",
        "p.yaml:15: stages.more.videos wants a path or a list of paths, found []",
        "p.yaml:15: stages.more.from wants the name of a stage, or a section such as "
        "'teacher: big', found a section",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: x", "p.yaml:1: stages is missing; it holds a section for each stage"),
        ("", "p.yaml:1: stages is missing; it holds a section for each stage"),
        ("name: x\nstages:", "p.yaml:2: stages is empty; it wants one stage or more"),
    ],
)
def test_a_file_without_stages_says_what_it_wants(tmp_path, text, problem):
    (found,) = problems(tmp_path, text)
    assert found.startswith(problem)


def test_a_file_that_is_no_yaml_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"p.yaml:1: this is no YAML: the key 'a' stands"):
        read(tmp_path, "stages: {a: {kind: k}, a: {kind: k}}")


def test_a_stage_may_start_from_a_path(tmp_path):
    text = "stages: {a: {kind: k, from: runs/b}, c: {kind: k, from: {teacher: a, student: x.pth}}}"
    first, second = read(tmp_path, text).stages
    assert (first.sources, second.sources) == ({"": "runs/b"}, {"teacher": "a", "student": "x.pth"})
    assert [is_path(word) for word in ("runs/b", "x.pth", "a")] == [True, True, False]


def test_what_is_wrong_is_left_out_and_the_rest_is_there(tmp_path):
    found = read(tmp_path, "stages: {a: {kind: k, from: b}, b: {kind: k, from: a, videos: 3}}")
    assert [(stage.name, stage.is_valid) for stage in found.stages] == [("a", True), ("b", False)]
    assert len(found.problems) == 2


def test_a_file_that_is_not_there_says_where_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match="does not exist; videomae2 run --example prints a file"):
        load_pipeline_file(tmp_path / "none.yaml")
