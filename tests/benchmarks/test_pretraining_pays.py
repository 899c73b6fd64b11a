"""Whether pre-training pays: who is in which list, the steps in small, and what is said of them."""

import csv
import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks.programs import FOLDER, ROOT
from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import stop_after
from videomae2.data.video.reader import open_reader
from videomae2.errors import ConfigError, Interrupted, ManifestError
from videomae2.metrics.bootstrap import Interval

DATA = ROOT.parent / "shared" / "data"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def programs():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder of a comparison on made-up videos, and what the program said."""
    import pretraining_pays

    out = tmp_path_factory.mktemp("pays")
    assert pretraining_pays.main(["--quick", "--out", str(out), "--device", "cpu"]) == 0
    return out


@pytest.fixture(scope="module")
def small_plan(done):
    """One seed, one rate: three steps."""
    import pretraining_pays
    from pays_data import load_split
    from pays_runs import ComparisonSettings
    from pays_steps import ComparisonPlan

    settings = ComparisonSettings(**pretraining_pays.QUICK, device="cpu")
    protocol = load_split(done / "made-up")
    return lambda out: ComparisonPlan(
        protocol=protocol,
        settings=settings,
        out=out,
        seeds=[0],
        shares=[3],
        rates=[8e-3],
        mixed={},
    )


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def speakers(path):
    return {Path(row["path"]).name.split("_")[0] for row in rows(path)}


def test_no_list_but_the_test_has_an_unseen_speaker(done):
    lists = done / "lists"
    assert speakers(lists / "test.csv") == {"B1"}
    assert speakers(lists / "unlabelled.csv") == {"A1", "A2", "A3"}
    for seed in (0, 1):
        assert speakers(lists / f"labelled-3-seed{seed}.csv") <= {"A1", "A2", "A3"}
    aside = speakers(lists / "validation.csv")
    assert len(aside) == 1
    assert speakers(lists / "search-3-seed0.csv") == {"A1", "A2", "A3"} - aside


def test_pre_training_gets_no_labels_and_all_items(done):
    found = rows(done / "lists" / "unlabelled.csv")
    assert list(found[0]) == ["path"]
    assert len(found) == 3 * 4 * 3


def test_each_side_has_the_same_labelled_videos_steps_and_augmentation(done):
    from videomae2.config.diff import diff_configs
    from videomae2.config.files import load_config
    from videomae2.config.runs import FinetuneRun

    for seed in (0, 1):
        arms = [
            load_config(FinetuneRun, next(done.glob(f"finetune-3-{arm}-*-seed{seed}")) / "run.yaml")
            for arm in ("from-scratch", "pre-trained")
        ]
        apart = {line.split(":")[0] for line in diff_configs(*arms, frozenset())}
        assert "init.weights" in apart
        assert apart <= {"init.weights", "output_dir", "optim.lr", "optim.min_lr"}


def test_both_sides_are_searched_over_the_same_rates(done):
    names = {path.name for path in done.glob("search-*")}
    assert names == {
        f"search-3-{arm}-rate{rate}-seed0"
        for arm in ("from-scratch", "pre-trained")
        for rate in ("0.008", "0.016")
    }


def test_what_is_written_has_every_number_and_where_it_comes_from(done):
    found = json.loads((done / "results.json").read_text())
    assert found["command"].startswith("python benchmarks/pretraining_pays.py --quick")
    assert found["machine"]["date"]
    assert "commit" in found["machine"]
    assert found["videos"]["test"] == 9
    tests = {(one["arm"], one["seed"]): one for one in found["tests"]}
    assert set(tests) == {(arm, seed) for arm in ("from scratch", "pre-trained") for seed in (0, 1)}
    best = {one["arm"]: one["best"] for one in found["search"]}
    assert all(one["rate"] == best[arm] for (arm, _), one in tests.items())
    apart = found["over_seeds"][0]["by_seed"]["1"]["difference"]["value"]
    values = [tests[arm, 1]["accuracy"]["value"] for arm in ("pre-trained", "from scratch")]
    assert apart == pytest.approx(values[0] - values[1])
    assert len(found["seconds"]) == 10
    assert "| 3 | 1 |" in (done / "results.md").read_text()


def test_a_second_call_does_nothing_again(done, capsys):
    import pretraining_pays

    before = json.loads((done / "results.json").read_text())
    assert pretraining_pays.main(["--quick", "--out", str(done), "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "== step 10 of 10: finetune-3" in "".join(lines)
    assert not [line for line in lines if line.startswith("step ")]
    after = json.loads((done / "results.json").read_text())
    for name in ("tests", "search", "over_seeds", "pretraining_loss"):
        assert after[name] == before[name]


@pytest.mark.slow
def test_stopped_and_started_again_it_finds_the_same(small_plan, tmp_path):
    from pays_steps import ComparisonSteps

    whole = ComparisonSteps(small_plan(tmp_path / "whole")).run()
    plan = small_plan(tmp_path / "stopped")
    for lines in (2, 6):  # in pre-training, then in fine-tuning
        with pytest.raises(Interrupted), logging_to(stop_after(lines, signal.SIGTERM)):
            ComparisonSteps(plan).run()
    again = ComparisonSteps(plan).run()
    assert again.losses == whole.losses
    found, wanted = again.test_results, whole.test_results
    assert [one.accuracy for one in found] == [one.accuracy for one in wanted]


def test_another_length_in_the_same_folder_is_refused(done, small_plan):
    from pays_steps import ComparisonSteps

    plan = small_plan(done)
    longer = replace(plan, settings=replace(plan.settings, pretrain_steps=7))
    with pytest.raises(ConfigError, match=r"optim\.epochs: 1\.5 before → 1\.75 now"):
        ComparisonSteps(longer).run()


def test_draws_of_labels(done):
    from pays_data import load_split

    protocol = load_split(done / "made-up")
    first = protocol.draw_labelled(2, 0)
    assert [video.label for video in first] == ["0", "0", "1", "1", "2", "2"]
    assert first == protocol.draw_labelled(2, 0)
    assert len({tuple(protocol.draw_labelled(2, seed)) for seed in range(5)}) > 1
    assert len(protocol.draw_labelled(0, 0)) == 3 * 3 * 3
    with pytest.raises(ConfigError, match="--shares 7 is more than the 6 videos of 'Opens' by 2"):
        protocol.draw_labelled(7, 0, search=True)


def test_no_data_is_said_in_a_sentence_and_ends_with_2(tmp_path, capsys):
    import pretraining_pays

    words = ["--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert pretraining_pays.main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}/miracl/labels.csv: does not exist; --data names")


def test_a_table_without_speakers_is_refused(tmp_path):
    from pays_data import load_split

    (tmp_path / "labels.csv").write_text("path,label,class_name,kind,split_si\na.mp4,0,a,words,x\n")
    with pytest.raises(ManifestError, match=r"its columns are .*; wanted speaker too"):
        load_split(tmp_path)


def test_a_size_that_cannot_work_is_found_before_the_first_step(small_plan, tmp_path):
    from pays_steps import ComparisonSteps

    plan = small_plan(tmp_path)
    odd = replace(plan, settings=replace(plan.settings, height=40))  # 5 rows of cubes
    with pytest.raises(ConfigError, match="running cell"):
        ComparisonSteps(odd).run()
    assert not list(tmp_path.glob("pretrain-*"))


def rigged(plan):
    """Two seeds; of 9 videos the pre-trained tell 6 and 9, those from scratch 3 and 6."""
    from pays_steps import PRETRAINED, SCRATCH, Findings, RateSearch, TestResult

    names = [str(plan.protocol.root / video.path) for video in plan.protocol.test]
    judged = [
        TestResult(
            3,
            arm,
            seed,
            8e-3,
            Interval(right / 9, 0.1, 0.9, 0.95),
            {name: float(i < right) for i, name in enumerate(names)},
        )
        for arm, counts in ((SCRATCH, (3, 6)), (PRETRAINED, (6, 9)))
        for seed, right in enumerate(counts)
    ]
    found = {r: {"accuracy": a, "loss": 1.0} for r, a in ((1e-3, 0.2), (2e-3, 0.3))}
    return Findings({0: 0.5, 1: 0.5}, [RateSearch(3, SCRATCH, found, 2e-3)], judged)


def test_seeds_are_put_together_by_video(small_plan, tmp_path):
    from pays_report import summarize_seeds

    plan = replace(small_plan(tmp_path), seeds=[0, 1])
    (row,) = summarize_seeds(plan, rigged(plan))
    assert row.mean == pytest.approx({"from scratch": 0.5, "pre-trained": 7.5 / 9})
    assert row.spread["from scratch"] == pytest.approx((1 / 3) / 2**0.5)
    assert row.pooled.difference.value == pytest.approx(1 / 3)
    assert 0 < row.pooled.difference.low < 1 / 3 < row.pooled.difference.high < 1
    assert row.speakers == {"B1": pytest.approx(row.mean)}


def test_the_page_says_where_a_rate_is_the_last_that_was_tried(small_plan, tmp_path):
    from pays_report import format_markdown

    from videomae2.commands.bench.machine import describe_machine
    from videomae2.training.runtime import RuntimeConfig, prepare_runtime

    plan = replace(small_plan(tmp_path), seeds=[0, 1], rates=[1e-3, 2e-3])
    machine = describe_machine(prepare_runtime(RuntimeConfig(device="cpu")).device)
    page = format_markdown(plan, rigged(plan), machine, "the command")
    assert "at the edge of what was tried for from scratch (3)" in page
    assert "| 3 | from scratch | 20.0 | **30.0** |" in page
    assert "| 3 | 1 | 66.7 [10.0, 90.0] | 100.0 [10.0, 90.0] | +33.3 [" in page
    assert "| 3 | all | **50.0** ± 23.6 | **83.3** ± 23.6 | **+33.3 [" in page


@pytest.mark.skipif(not (DATA / "miracl").exists(), reason="the real videos are not here")
def test_the_real_videos_are_split_by_speaker():
    from pays_data import list_speakers, load_split

    protocol = load_split(DATA / "miracl")
    assert (len(protocol.unlabelled), len(protocol.words), len(protocol.test)) == (2400, 1200, 300)
    assert not set(list_speakers(protocol.test)) & set(list_speakers(protocol.unlabelled))
    assert len(protocol.validation) == 3
    assert len(protocol.list_validation()) == 300
    assert len(protocol.draw_labelled(20, 0, search=True)) == 200
    video = protocol.test[0]
    with open_reader(protocol.root / video.path, pixels="gray") as reader:
        assert reader.read([0]).shape == (1, 96, 112, 1)
