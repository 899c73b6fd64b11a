"""How much room a run asks for before it begins."""

from dataclasses import replace

import pytest
from torch import nn

from tests.jobs.small_distill import small_distill
from tests.jobs.small_finetune import small_finetune
from videomae2.config import ValidationConfig
from videomae2.engine.loop import Plan
from videomae2.jobs.room_needed import bytes_needed
from videomae2.jobs.training import checkpoints_of

COPY = 4 * (10 * 10 + 10)


def needed(run):
    plan = Plan(
        steps=8,
        accumulate=1,
        lr=lambda _: 1.0,
        clip_norm=None,
        log_every=1,
        save_every=2,
        max_bad_steps=1,
    )
    return bytes_needed(run, nn.Linear(10, 10), plan, checkpoints_of(run))


@pytest.mark.parametrize(
    ("kind", "place", "unjudged"), [("finetune", "best", 0), ("distill", "students", 1)]
)
def test_the_best_and_the_one_before_it_want_room_beside_the_checkpoints(
    tmp_path, kind, place, unjudged
):
    """Three checkpoints of three copies; nothing more where the last is the result."""
    out = tmp_path / "run"
    run = small_finetune(tmp_path, out) if kind == "finetune" else small_distill(tmp_path, out, out)
    last = replace(run, validation=ValidationConfig(share=0.0))
    assert [needed(one) // COPY for one in (run, last)] == [9 + 2, 9 + unjudged]
    (out / place).mkdir(parents=True)
    assert [needed(one) // COPY for one in (run, last)] == [9 + 1, 9]
