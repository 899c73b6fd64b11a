"""Compile whole steps and compare them with plain ones; prints `same` for each."""

import sys

import torch

from tests.helpers.models import small_model
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask
from videomae2.tensors.clips import Clips

CASES = (
    ({}, {}, "inductor"),
    ({}, {}, "eager"),
    ({"decoder_queries": "hidden_only"}, {}, "eager"),
    ({"decoder": "none"}, {}, "eager"),
    ({"encoder": "random", "decoder": "random"}, {}, "eager"),
    ({}, {"drop_path": 0.5}, "eager"),
    ({}, {"drop_path": 0.5, "activation_checkpointing": True}, "eager"),
)


def _step(task, clips):
    task.zero_grad()
    loss = task(clips)[0]
    loss.backward()
    return [loss.detach(), *(weight.grad.clone() for weight in task.parameters())]


def main():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (3, 8, 32, 32, 3), dtype=torch.uint8, generator=generator)
    clips = Clips(pixels, torch.arange(3), torch.ones(3))
    for masking, encoder, backend in CASES:
        torch.compiler.reset()
        model = small_model(**encoder)
        task = PretrainTask(model, MaskingConfig(encoder_mask_ratio=0.75, **masking)).train()
        plain = _step(task, clips)
        task.compile(fullgraph=True, backend=backend)
        for got, want in zip(_step(task, clips), plain, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6)
        sys.stdout.write("same\n")


if __name__ == "__main__":
    main()
