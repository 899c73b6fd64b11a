import os
import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.helpers.run_configs import changed, good_run
from videomae2.config.files import load_config, parse_yaml, save_config
from videomae2.config.runs import PretrainRun
from videomae2.errors import ConfigError


def problems(tmp_path, text, base=None):
    path = tmp_path / "part.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(PretrainRun, path, base=base or good_run(tmp_path))
    return caught.value.problems


def part(tmp_path, text, sources=1):
    path = tmp_path / "part.yaml"
    path.write_text(text)
    return load_config(PretrainRun, path, base=good_run(tmp_path, sources))


def test_a_run_comes_back_equal(tmp_path):
    run = changed(good_run(tmp_path, 3), "model.encoder.pretrained_grid", (8, 14, 14))
    run = changed(run, "data.sources.1.name", "yes: ä#'\"")
    run = changed(run, "optim.lr", 1.2345678901234567e-5)
    run = changed(run, "data.sources.2.name", "12")
    save_config(run, tmp_path / "run.yaml")
    assert load_config(PretrainRun, tmp_path / "run.yaml") == run
    assert not list(tmp_path.glob(".*"))


def test_a_path_that_is_no_utf8_comes_back(tmp_path):
    run = changed(good_run(tmp_path), "data.sources.0.path", Path(os.fsdecode(b"caf\xe9.mp4")))
    save_config(run, tmp_path / "run.yaml")
    assert load_config(PretrainRun, tmp_path / "run.yaml") == run


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "run.yaml").mkdir()
    with pytest.raises(IsADirectoryError):
        save_config(good_run(tmp_path), tmp_path / "run.yaml")
    assert not list(tmp_path.glob(".*"))


def test_a_part_changes_only_what_it_names(tmp_path):
    run = part(tmp_path, "optim: {epochs: 5}\nmodel: {encoder: {size: tiny}}\n")
    want = changed(good_run(tmp_path), "optim.epochs", 5.0)
    assert run == changed(want, "model.encoder.size", "tiny")


def test_an_empty_file_changes_nothing(tmp_path):
    assert part(tmp_path, "") == good_run(tmp_path)


def test_numbers_that_yaml_takes_for_text_are_numbers(tmp_path):
    assert part(tmp_path, "optim: {lr: 1e-5}").optim.lr == 1e-5


def test_null_takes_a_value_away(tmp_path):
    assert part(tmp_path, "optim: {micro_batch_size: null}").optim.micro_batch_size is None


def test_as_many_sources_are_changed_one_by_one(tmp_path):
    run = part(tmp_path, "data: {sources: [{frame_interval: 2}, {}]}", sources=2)
    assert run == changed(good_run(tmp_path, 2), "data.sources.0.frame_interval", 2.0)


def test_another_number_of_sources_replaces_them(tmp_path):
    run = part(tmp_path, "data: {sources: [{path: a}]}", sources=2)
    assert [str(source.path) for source in run.data.sources] == ["a"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("optim: {epoch: 5}", "part.yaml:1: optim.epoch is no setting; did you mean optim.epochs?"),
        ("epochs: 5", "epochs is no setting; did you mean optim.epochs?"),
        ("data: {views: 2.5}", "data.views wants a whole number, found 2.5"),
        ("data: {views: yes}", "data.views wants a whole number, found true"),
        ("optim: {lr: fast}", "optim.lr wants a number, found 'fast'"),
        ("optim: {lr: .nan}", "optim.lr wants a number, found nan"),
        ("optim: {betas: [0.9]}", "optim.betas wants a list of 2 numbers, found [0.9]"),
        ("optim: {clip_norm: x}", "optim.clip_norm wants a number or null, found 'x'"),
        ("optim:", "optim wants a section with settings of its own, found null"),
        ("output_dir: 2024-01-01", "output_dir wants a path, found datetime.date(2024, 1, 1)"),
        ("runtime: {compile: 1}", "runtime.compile wants true or false, found 1"),
        ("masking: {decoder: null}", "masking.decoder wants one of none, running-cell, random, "),
        ("data: {sources: x}", "data.sources wants a list of sections, found 'x'"),
        ("seed: 1\nseed: 2", "part.yaml:2: this is no YAML: the key 'seed' stands here twice"),
        ("- 1", "settings such as 'seed: 1' wanted, found [1]"),
        ("a: [", "part.yaml:2: this is no YAML"),
        ("data: {sources: [{}, {}]}", "data.sources.0.path is missing; it has no default"),
    ],
)  # fmt: skip
def test_a_problem_is_named_with_what_would_work(tmp_path, text, problem):
    assert problem in problems(tmp_path, text + "\n")[0]


def test_all_problems_of_a_file_come_at_once_with_their_lines(tmp_path):
    found = problems(tmp_path, "optim:\n  lr: x\n  epoch: 1\nsead: 1\n")
    assert [re.sub(r".*?:(\d+): (\S+) .*", r"\1 \2", line) for line in sorted(found)] == [
        "2 optim.lr",
        "3 optim.epoch",
        "4 sead",
    ]


def test_what_has_no_default_must_be_in_a_complete_file(tmp_path):
    (tmp_path / "run.yaml").write_text("seed: 1\n")
    with pytest.raises(ConfigError) as caught:
        load_config(PretrainRun, tmp_path / "run.yaml")
    assert [p.split(": ")[1].split()[0] for p in caught.value.problems] == [
        "data",
        "optim",
        "output_dir",
    ]


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_config(PretrainRun, tmp_path / "no.yaml")


def test_a_section_goes_before_what_it_merges_and_keeps_the_lines(tmp_path):
    text = "a: &a {x: 1, y: 2}\nb:\n  y: 3\n  <<: *a\nc: {<<: *a, y: 4, y: 5}\n"
    with pytest.raises(ConfigError, match="f:5: this is no YAML: the key 'y' stands here twice"):
        parse_yaml(text, Path("f"))
    merged = parse_yaml(text[: text.index("c:")], Path("f"))["b"]
    assert (merged, merged.lines) == ({"x": 1, "y": 3}, {"x": 1, "y": 3})


def multiply(first, line, last):
    """Nine levels of aliases, each ten times the one before."""
    letters = "abcdefghi"
    lines = [
        first,
        *(line.format(new=b, old=",".join([f"*{a}"] * 10)) for a, b in pairwise(letters)),
    ]
    return "\n".join([*lines, last]) + "\n"


ALIASES = {
    "a list": multiply("- &a [x,x,x,x,x,x,x,x,x,x]", "- &{new} [{old}]", ""),
    "a setting": multiply("a: &a [x,x,x,x,x]", "{new}: &{new} [{old}]", "seed: *i"),
    "a section": multiply("a: &a {k: [x,x,x]}", "{new}: &{new} [{old}]", "optim: *i"),
    "sections": multiply("a: &a {k: 1}", "{new}: &{new} {{k: [{old}]}}", "data: {sources: *i}"),
    "merges": multiply("a: &a {k: 1, l: 2}", "{new}: &{new} {{<<: [{old}]}}", "optim: {<<: *i}"),
}


@pytest.mark.parametrize("text", ALIASES.values(), ids=ALIASES)
def test_aliases_of_aliases_cost_nothing(tmp_path, text):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(PretrainRun, path)
    assert len(str(caught.value)) < 4000


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("steps: 5", (None, 5, 1.0, None)),
        ("steps: 5\n  warmup_steps: 2", (None, 5, None, 2)),
        ("warmup_steps: 2", (10.0, None, None, 2)),
        ("epochs: 3", (3.0, None, 1.0, None)),
        ("steps: null", (10.0, None, 1.0, None)),
        ("epochs: 3\n  steps: 5", (3.0, 5, 1.0, None)),
    ],
)
def test_a_length_takes_the_place_of_the_recipes(tmp_path, text, lengths):
    """What a file says twice stays, for the checks to refuse."""
    (tmp_path / "part.yaml").write_text(f"optim:\n  {text}\n")
    optim = load_config(PretrainRun, tmp_path / "part.yaml", base=good_run(tmp_path)).optim
    assert (optim.epochs, optim.steps, optim.warmup_epochs, optim.warmup_steps) == lengths
