"""What is remembered of a stage, and that it is the same when it is read again."""

from pathlib import Path

import pytest

from tests.helpers.finetune_runs import small_finetune
from tests.helpers.pretrain_runs import small_videos
from videomae2.commands.pipeline.plan import choose_action
from videomae2.commands.pipeline.stages import StagePlan
from videomae2.commands.pipeline.state import StageProvenance, write_stage_state
from videomae2.commands.pipeline.train_stages import FinetuneStage
from videomae2.commands.train.video_lists import build_video_list
from videomae2.config.files import to_builtin
from videomae2.data.manifests.read import read_manifest
from videomae2.models.weights.init_from import InitConfig


@pytest.mark.parametrize("name", ["\U0001f600", "Übung", "a\udcffb"])
def test_a_stage_goes_on_whatever_characters_its_settings_and_lists_have(tmp_path, name):
    videos = small_videos(tmp_path / "videos", 5)
    config = small_finetune(tmp_path / name, tmp_path, init=InitConfig(weights=Path(name)))
    stage = FinetuneStage(
        name="tuned",
        line=1,
        recipe="small",
        videos=(Path(name),),
        out=tmp_path,
        sources={"weights": name},
        config=config,
    )
    found = build_video_list(name, read_manifest(videos), "digest", classes=[name])
    plan = StagePlan(lists=(found,), summary="", produces=None)
    provenance = StageProvenance(
        kind="finetune", settings=to_builtin(config), lists=plan.lists, weights={}
    )
    write_stage_state(tmp_path, provenance)
    action = choose_action(stage, plan, {})
    assert (action.name, action.reason) == ("resume", "begun, not finished")
