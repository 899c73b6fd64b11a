"""Licences travel with weights, through every model that is made of them."""

from dataclasses import replace

import pytest

from tests.helpers.distill_runs import ENCODER, make_teacher, small_distill
from tests.helpers.finetune_runs import class_folders, small_finetune
from videomae2.commands.train import distill, finetune
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.weights.hub.licence import (
    build_parentage,
    describe_licence,
    is_non_commercial,
    read_model_card_licence,
)
from videomae2.models.weights.init_from import InitConfig
from videomae2.training.runtime import prepare_runtime


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("cc-by-nc-4.0", True), ("CC-BY-NC-SA-4.0", True), ("fair-noncommercial-research", True),
        ("non-commercial", True), ("nc", True), ("mit", False), ("apache-2.0", False),
        ("cc-by-4.0", False), ("ncsa", False), ("openrail", False),
    ],
)  # fmt: skip
def test_which_forbid_commercial_use(licence, expected):
    assert is_non_commercial(licence) == expected


def test_the_strictest_of_the_parents_holds():
    parents = {"init": ("a", {"licence": "mit"}), "teacher": ("b", {"licence": "cc-by-nc-4.0"})}
    card = build_parentage(parents)
    assert card["licence"] == "cc-by-nc-4.0"
    assert card["parents"]["init"] == {"path": "a", "licence": "mit"}
    assert describe_licence(card).startswith("cc-by-nc-4.0, as of b: not for commercial use")
    assert build_parentage({"init": ("a", {})}) == {"parents": {"init": {"path": "a"}}}
    assert build_parentage({}) == {}
    assert describe_licence({}) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\nlicense: mit\n---\n# a", "mit"),
        ("---\ntags:\n- x\nlicense: 'cc-by-nc-4.0'\nbase_model: y\n---", "cc-by-nc-4.0"),
        ("---\r\nlicense: mit\r\n---\r\n", "mit"),
        ("# no head\nlicense: mit\n", None),
        ("", None),
    ],
)
def test_the_head_of_a_model_card(tmp_path, text, expected):
    (tmp_path / "README.md").write_bytes(text.encode())
    assert read_model_card_licence(tmp_path) == expected


def test_a_finetuned_and_a_distilled_model_say_it(tmp_path):
    videos = class_folders(tmp_path, each=2)
    parent = make_teacher(tmp_path / "parent", card={"metadata": {"licence": "cc-by-nc-4.0"}})
    encoder = replace(ENCODER, depth=2, embed_dim=32)
    run = small_finetune(
        videos, tmp_path / "f", model=ClassifierConfig(encoder=encoder),
        init=InitConfig(weights=parent),
    )  # fmt: skip
    card = finetune.load_job(run).build_setup(prepare_runtime(run.runtime)).config.metadata
    assert card["licence"] == "cc-by-nc-4.0"
    assert card["parents"] == {"init": {"path": str(parent), "licence": "cc-by-nc-4.0"}}
    run = small_distill(videos, parent, tmp_path / "d")
    card = distill.load_job(run).build_setup(prepare_runtime(run.runtime)).config.metadata
    assert (card["licence"], set(card["parents"])) == ("cc-by-nc-4.0", {"teacher"})
