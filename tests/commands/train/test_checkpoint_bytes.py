"""How much room a run asks for before it begins."""

from dataclasses import replace

import pytest
from torch import nn

from tests.helpers.distill_runs import small_distill
from tests.helpers.finetune_runs import small_finetune
from videomae2.commands.train.dry_run import estimate_checkpoint_bytes
from videomae2.commands.train.run_folder import build_checkpoint_manager
from videomae2.config.runs import ValidationConfig
from videomae2.training.loop import LoopConfig

COPY = 4 * (10 * 10 + 10)


def needed(run):
    plan = LoopConfig(
        steps=8,
        gradient_accumulation_steps=1,
        lr_schedule=lambda _: 1.0,
        clip_norm=None,
        log_interval=1,
        checkpoint_interval=2,
        max_nonfinite_steps=1,
    )
    return estimate_checkpoint_bytes(run, nn.Linear(10, 10), plan, build_checkpoint_manager(run))


@pytest.mark.parametrize("kind", ["finetune", "distill"])
def test_the_best_and_the_one_before_it_want_room_beside_the_checkpoints(tmp_path, kind):
    """Three checkpoints of three copies; nothing more where the last is the result."""
    out = tmp_path / "run"
    run = small_finetune(tmp_path, out) if kind == "finetune" else small_distill(tmp_path, out, out)
    last = replace(run, validation=ValidationConfig(share=0.0))
    assert [needed(one) // COPY for one in (run, last)] == [9 + 2, 9]
    (out / "best").mkdir(parents=True)
    assert [needed(one) // COPY for one in (run, last)] == [9 + 1, 9]
