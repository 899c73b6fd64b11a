"""Videos that the model was trained on are named, whatever names them; others are not."""

from dataclasses import replace

import pytest

from tests.helpers.finetune_runs import small_finetune
from tests.helpers.reference_evaluation import CONFIG, save_run, save_videos
from videomae2.commands.evaluate.run import prepare_evaluation
from videomae2.config.files import save_config
from videomae2.config.runs import ValidationConfig
from videomae2.data.manifests.read import ListConfig


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("overlap")
    save_run(folder / "run")
    save_videos(folder / "videos")
    save_videos(folder / "others")
    run = small_finetune(folder / "videos", folder / "run")
    save_config(replace(run, validation=ValidationConfig(share=0.34)), folder / "run" / "run.yaml")
    return folder


def warned(place, videos, config=CONFIG):
    rows = prepare_evaluation(place / "run", videos, config=config).summary().rows
    return [text for name, text in rows if name == "warning" and "training videos" in text]


def test_training_videos_are_named_by_whatever_path(place):
    (text,) = warned(place, place / "videos")
    assert text.startswith("4 of 6 videos are training videos of this model, such as ")
    (place / "link").symlink_to(place / "videos")
    (place / "list.csv").write_text("path,label\nlink/run/000.mp4,run\nlink/run/001.mp4,run\n"
                                    "link/run/002.mp4,run\n./videos/walk/0.mp4,walk\n")  # fmt: skip
    for videos in (place / "link", place / "list.csv"):
        (text,) = warned(place, videos)
        assert "are training videos of this model" in text


def test_other_videos_are_not(place):
    assert warned(place, place / "others") == []
    (place / "mixed.csv").write_text("path,label,part\nvideos/run/000.mp4,run,a\n"
                                     "videos/run/001.mp4,run,a\nvideos/run/002.mp4,run,a\n"
                                     "others/run/000.mp4,run,b\n")  # fmt: skip
    config = replace(CONFIG, list=ListConfig(filter="part=b"))
    assert warned(place, place / "mixed.csv", config) == []
    assert "2 of 4 videos" in warned(place, place / "mixed.csv")[0]


def test_nothing_is_said_where_nobody_knows(place, tmp_path):
    save_run(tmp_path / "run")
    assert warned(tmp_path, place / "videos") == []
    (tmp_path / "run" / "run.yaml").write_text("what: 1\n")
    assert warned(tmp_path, place / "videos") == []
