"""However a step is cut into parts, holes or not, it computes the same."""

from functools import cache

import pytest
import torch

from tests.helpers.models import small_config
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.init import init_autoencoder_weights
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask
from videomae2.tensors.clips import Clips
from videomae2.training.optim import OptimConfig, build_optimizer
from videomae2.training.runtime import RuntimeConfig, prepare_runtime
from videomae2.training.step import train_step

RUNTIME = prepare_runtime(RuntimeConfig(device="cpu", precision="fp32"))
HOLES = (1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0)


def make_task(drop_path=0.0, **masking):
    model = Autoencoder(small_config({"drop_path": drop_path}, drop_path=drop_path))
    init_autoencoder_weights(model, torch.Generator().manual_seed(0))
    return PretrainTask(model, MaskingConfig(encoder_mask_ratio=0.75, **masking))


def make_clips(weights):
    shape = (len(weights), 8, 32, 32, 3)
    pixels = torch.randint(
        0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    weights = torch.tensor(weights)
    pixels[weights == 0] = 0
    return Clips(pixels, torch.arange(len(weights)), weights)


def cut(clips, size):
    columns = zip(*(t.split(size) for t in (clips.pixels, clips.keys, clips.weights)), strict=True)
    return [Clips(*part) for part in columns]


@cache
def step(weights, size, **masking):
    """Do one step in parts of some size; give its result and gradients."""
    task = make_task(**masking).train()
    optimizer = build_optimizer(
        task, OptimConfig(lr=0.1, epochs=1.0, warmup_epochs=0.0, global_batch_size=1)
    )
    before = [p.detach().clone() for p in task.parameters()]
    parts = cut(make_clips(weights), size)
    result = train_step(task, optimizer, parts, lr=1e-3, clip_norm=None, runtime=RUNTIME)
    moved = any(not torch.equal(a, b) for a, b in zip(before, task.parameters(), strict=True))
    return result, [p.grad for p in task.parameters()], moved


@pytest.mark.parametrize("masking", [{}, {"encoder": "random"}, {"drop_path": 0.5}])
@pytest.mark.parametrize("weights", [HOLES, (0.0, *HOLES[1:]), (1.0,) * 8])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_parts_of_any_size_give_the_same_step(masking, weights, size):
    whole, gradients, _ = step(weights, 8, **masking)
    found, others, moved = step(weights, size, **masking)
    assert moved
    assert not found.nonfinite
    torch.testing.assert_close(found.loss, whole.loss, rtol=1e-5, atol=0)
    torch.testing.assert_close(found.grad_norm, whole.grad_norm, rtol=1e-4, atol=0)
    for gradient, other in zip(gradients, others, strict=True):
        torch.testing.assert_close(other, gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("size", [1, 4])
def test_a_step_of_nothing_but_holes_is_skipped(size):
    result, _, moved = step((0.0,) * 4, size)
    assert result.nonfinite
    assert result.loss.isnan()
    assert not moved
