"""Which stages are done again, and what becomes of what was there."""

import json
import re
import signal
from pathlib import Path

import pytest

from tests.helpers.finetune_runs import CLASSES
from tests.helpers.pipelines import TEXT, actions, left_behind, prepared, reasons, run
from tests.helpers.pretrain_runs import small_videos, stop_after
from tests.helpers.released_files import FRAMES, SIDE, drawn_classifier, save_released
from videomae2.base.lock import FolderLock
from videomae2.commands.pipeline.plan import format_plan
from videomae2.commands.pipeline.run import (
    format_results,
    plan_pipeline,
    results_to_json,
)
from videomae2.errors import CheckpointError, ConfigError, Interrupted
from videomae2.models.weights.config_json import load_model_config

SKIPPED = {"pretrained": "cached", "post": "cached", "tuned": "cached", "judged": "cached"}


def seconds_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_what_is_finished_and_unchanged_is_skipped(copy):
    before = seconds_of(copy / "runs")
    said = []
    done = run(say=said.append)
    assert {name: one.action for name, one in done.items()} == SKIPPED
    after = seconds_of(copy / "runs")
    after.pop(copy / "runs" / ".lock"), before.pop(copy / "runs" / ".lock")
    assert after == before
    assert said.count("cached   finished, unchanged") == 4
    assert done["tuned"].output.metrics["accuracy"] >= 0
    assert done["tuned"].path == Path("runs/tuned/best")


def test_lineage_stands_in_the_cards(finished):
    runs = finished / "runs"
    first = load_model_config(runs / "pretrained/checkpoints/step-00000004").metadata["lineage"]
    post = load_model_config(runs / "post/checkpoints/step-00000003").metadata["lineage"]
    best = load_model_config(runs / "tuned/best").metadata["lineage"]
    states = {name: json.loads((runs / name / "stage.json").read_text()) for name in SKIPPED}
    assert states["judged"]["provenance"]["weights"] == {
        "model": states["tuned"]["output"]["digest"]
    }
    assert first["parents"] == {}
    assert first["videos"] == states["pretrained"]["provenance"]["lists"]
    assert post["parents"] == {
        "weights": {"from": "pretrained", "weights": states["pretrained"]["output"]["digest"]}
    }
    assert best["parents"]["weights"]["weights"] == states["post"]["output"]["digest"]
    assert [one["source"] for one in best["videos"]] == ["v", "v, held out"]
    assert (best["pipeline"], best["stage"], best["recipe"]) == ("tiny", "tuned", "small")
    assert len({one["configuration"] for one in (first, post, best)}) == 3
    assert set(best["versions"]) == {"videomae2", "torch", "python"}


def test_a_change_does_that_stage_again_and_those_that_follow(finished, copy):
    text = TEXT.replace("epochs: 1", "epochs: 1.4")
    pipeline = prepared(text)
    decisions = plan_pipeline(pipeline)
    assert {name: one.name for name, one in decisions.items()} == {
        "pretrained": "cached",
        "post": "rerun",
        "tuned": "pending",
        "judged": "pending",
    }
    assert decisions["post"].reason == "optim.epochs: 1.0 before → 1.4 now"
    assert decisions["tuned"].reason == "cached if the weights of post stay the same"
    assert "  rerun    optim.epochs: 1.0 before → 1.4 now" in format_plan(pipeline, decisions)
    said = []
    done = run(text, say=said.append)
    assert {name: one.action for name, one in done.items()} == {
        "pretrained": "cached",
        "post": "rerun",
        "tuned": "rerun",
        "judged": "rerun",
    }
    assert "rerun    other weights of post" in said
    was, now = left_behind(finished / "runs"), left_behind(copy / "runs")
    for name in ("post", "tuned"):
        old = {key for key in now if key.startswith(f"{name}.bak-1")}
        assert {now[key] for key in old if "best/m" in key} == {
            was[key] for key in was if key.startswith(f"{name}/best/m")
        }
        assert now[f"{name} training"] != was[f"{name} training"]
    assert set(actions(text).values()) == {"cached"}


def test_a_stage_that_gives_the_same_again_spares_those_that_follow(finished, copy):
    (copy / "runs/pretrained").rename(copy / "gone")
    assert actions() == {
        "pretrained": "run",
        "post": "pending",
        "tuned": "pending",
        "judged": "pending",
    }
    done = run()
    assert {name: one.action for name, one in done.items()} == {**SKIPPED, "pretrained": "run"}
    assert left_behind(copy / "runs") == left_behind(finished / "runs")


def test_what_does_not_change_results_does_nothing_again(copy):
    (copy / "elsewhere").symlink_to(copy / "unlabelled")
    text = TEXT.replace("interval: 1", "interval: 5").replace("unlabelled", "elsewhere")
    assert actions(text) == SKIPPED


def test_other_videos_are_a_change(copy):
    small_videos(copy / "more", count=25)
    found = reasons(TEXT.replace("unlabelled/train", "more/train"))
    assert found["pretrained"] == "other videos: 16 of train before → 20 of train now"


def test_other_labels_are_a_change(copy):
    videos = sorted(Path("labelled").resolve().rglob("v/*/*.mp4"))
    for name, shift in (("same", 0), ("swapped", 1)):
        places = [videos[(i + shift) % len(videos)] for i in range(len(videos))]
        for old, new in zip(videos, places, strict=True):
            link = copy / name / old.parent.name / f"{new.parent.name}-{new.name}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(new)
    seen = {
        name: prepared(TEXT.replace("labelled/v", name)).plans["tuned"].lists
        for name in ("same", "swapped")
    }
    assert [one.videos for one in seen["same"]] == [one.videos for one in seen["swapped"]]
    assert seen["same"] != seen["swapped"]


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda best: (best / "model.safetensors").unlink(), r"its result .*tuned/best is gone"),
        (
            lambda best: (best / "model.safetensors").write_bytes(b"x"),
            r"its result .*tuned/best was changed",
        ),
        (lambda best: (best.parent / "stage.json").unlink(), "its folder holds something else"),
        (
            lambda best: (best.parent / "stage.json").write_text("{}"),
            r"stage.json cannot be used: .*; move .*tuned away",
        ),
    ],
)
def test_a_damaged_stage_is_done_again(copy, harm, reason):
    harm(copy / "runs/tuned/best")
    assert actions() == {**SKIPPED, "tuned": "rerun", "judged": "pending"}
    assert re.search(reason, reasons()["tuned"])


def test_a_setting_that_is_new_in_this_version_changes_nothing(copy):
    path = copy / "runs/post/stage.json"
    state = json.loads(path.read_text())
    del state["provenance"]["settings"]["optim"]["clip_norm"]
    path.write_text(json.dumps(state))
    assert actions() == SKIPPED
    state["provenance"]["settings"]["optim"]["gone"] = 3
    path.write_text(json.dumps(state))
    assert "of another version" in reasons()["post"]


def test_weights_of_a_file_count_by_content(copy):
    (copy / "start").symlink_to(copy / "runs/pretrained/checkpoints/step-00000004")
    named = TEXT.replace("    from: pretrained\n    settings:\n", "    settings:\n").replace(
        "      validation: {share: 0}\n",
        "      validation: {share: 0}\n      init: {weights: start}\n",
    )
    assert actions(named) == SKIPPED
    (copy / "start").unlink()
    (copy / "start").symlink_to(copy / "runs/tuned/best")
    assert reasons(named)["post"] == "other weights of start"


def test_an_evaluation_judges_a_model_that_no_stage_made(copy):
    (copy / "runs").rename("made")
    text = f"{TEXT[: TEXT.index('  pretrained')]}{TEXT[TEXT.index('  judged') :]}".replace(
        "from: tuned", "from: made/tuned"
    )
    text = text.replace("  logging: {interval: 1}\n", "")
    done = run(text)["judged"]
    assert done.stage.description == "evaluate, from made/tuned"
    assert results_to_json(prepared(text), [done], 1.0)["stages"][0]["parents"] == {
        "model": "made/tuned"
    }
    for name in ("predictions.jsonl", "probabilities.npy"):
        assert (done.path.parent / name).read_bytes() == Path(f"made/judged/{name}").read_bytes()
    assert actions(text) == {"judged": "cached"}
    Path("made/tuned").rename("elsewhere")
    assert actions(text.replace("made/tuned", "elsewhere/best")) == {"judged": "cached"}
    last = max(Path("elsewhere/checkpoints").iterdir())
    assert reasons(text.replace("made/tuned", str(last))) == {"judged": "other weights of start"}


def test_an_evaluation_judges_a_released_file(place):
    save_released(Path("six.pth"), drawn_classifier())
    Path("six.txt").write_text("\n".join(("a", *CLASSES, "b", "c")))
    Path("some.txt").write_text("\n".join(CLASSES))
    start = f"{TEXT[: TEXT.index('  pretrained')]}{TEXT[TEXT.index('  judged') :]}"
    text = start.replace("from: tuned", "from: ./six.pth").replace("logging: {interval: 1}", "")
    text += f"      class_names: six.txt\n      classes: some.txt\n      frames: {FRAMES}\n"
    text += f"      side: {SIDE}\n"
    found = json.loads((run(text)["judged"].path.parent / "results.json").read_text())
    assert found["classes"] == list(CLASSES)
    assert found["model"]["outputs_summary"] == f"{len(CLASSES)} of its 6, those of some.txt"
    assert actions(text) == {"judged": "cached"}
    Path("some.txt").write_text("\n".join(CLASSES[::-1]))
    assert actions(text) == {"judged": "rerun"}
    Path("some.txt").write_text("\n".join(CLASSES))
    assert actions(text) == {"judged": "cached"}
    Path("six.txt").write_text("\n".join((CLASSES[0], "a", *CLASSES[1:], "b", "c")))
    assert reasons(text) == {"judged": "other content of class_names"}


def test_an_evaluation_of_which_only_intervals_are_others_keeps_its_scores(copy):
    text = TEXT.replace("n_resamples: 100", "n_resamples: 120\n      allow_unreadable: true")
    wanted = "allow_unreadable: False before → True now, n_resamples: 100 before → 120 now"
    assert reasons(text)["judged"] == wanted
    done = run(text)["judged"]
    assert done.action == "resume"
    found = json.loads((done.path.parent / "results.json").read_text())
    assert (found["num_scored"], found["run_stats"]["num_decodings"]) == (3, 0)
    assert not list((copy / "runs").glob("judged.bak*"))
    assert actions(text) == SKIPPED


def test_a_training_that_was_stopped_goes_on_where_its_folder_was_moved_to(finished, copy):
    """Its parent has another path then, and the same content."""
    (copy / "runs/tuned").rename(copy / "gone")
    with pytest.raises(Interrupted):
        run(say=stop_after(1, signal.SIGTERM))
    (copy / "runs").rename(copy / "elsewhere")
    done = run(TEXT.replace("out: runs", f"out: {copy / 'elsewhere'}"))
    assert {name: one.action for name, one in done.items()} == {**SKIPPED, "tuned": "resume"}
    was, now = left_behind(finished / "runs"), left_behind(copy / "elsewhere")
    assert now["tuned training"] == was["tuned training"]
    assert now["tuned/best/model.safetensors"] == was["tuned/best/model.safetensors"]


def test_from_and_until_choose_a_part(copy):
    (copy / "runs/tuned").rename(copy / "gone")
    done = run(first="tuned")
    assert done["judged"].output.metrics.keys() >= {"mean-class accuracy"}
    assert {name: one.action for name, one in done.items()} == {"tuned": "run", "judged": "cached"}
    assert list(run(last="post")) == ["pretrained", "post"]
    (copy / "runs/post").rename(copy / "gone2")
    wanted = r"stage tuned needs post, which is to be done first \(not begun\); leave --from out"
    with pytest.raises(ConfigError, match=wanted):
        run(first="tuned")
    with pytest.raises(ConfigError, match="--from tuned comes after --until post; the order is"):
        run(first="tuned", last="post")
    with pytest.raises(ConfigError, match="--until x is no stage; there are pretrained, post"):
        run(last="x")


@pytest.mark.parametrize("folder", ["runs", "runs/tuned"])
def test_two_pipelines_do_not_share_a_folder(copy, folder):
    with (
        FolderLock(copy / folder),
        pytest.raises(CheckpointError, match=f"another process .* {folder}"),
    ):
        run(TEXT.replace("epochs: 2}", "epochs: 3}") if folder == "runs/tuned" else TEXT)
    assert not list((copy / "runs").glob("tuned.bak*"))


def test_results_are_a_table_and_json(copy):
    done = list(run().values())
    head, *rows, total = format_results(done, 61.0).splitlines()
    assert head.split() == ["stage", "what", "done", "time", "metrics", "result"]
    assert rows[2].split()[:4] == ["tuned", "finetune", "unchanged", "accuracy"]
    assert rows[2].endswith("runs/tuned/best")
    assert total == "total    1:01 min"
    found = results_to_json(prepared(), done, 61.04)
    assert json.loads(json.dumps(found)) == found
    assert (found["pipeline"], found["seconds"]) == ("tiny", 61.0)
    assert found["stages"][1]["parents"] == {"weights": "pretrained"}
    assert found["stages"][2]["metrics"] == done[2].output.metrics
