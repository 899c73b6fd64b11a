"""transformers' VideoMAEForPreTraining as a task of our engine, for comparisons."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from transformers import VideoMAEConfig, VideoMAEForPreTraining

from videomae2.commands.bench.model import MASKINGS, Baseline, BenchCase, compute_step_flops
from videomae2.models.encoder import SIZES
from videomae2.tasks.pretrain import count_tokens, draw_split
from videomae2.tensors.clips import Clips
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD


class TransformersTask(nn.Module):
    """transformers' model as a task: inputs ready-made, the loss computed by the model."""

    def __init__(self, case: BenchCase, clips: Clips) -> None:
        super().__init__()
        size = SIZES[case.size]
        config = VideoMAEConfig(
            image_size=case.side,
            patch_size=size.patch_size,
            num_frames=case.frames,
            tubelet_size=size.tubelet_size,
            hidden_size=size.embed_dim,
            num_hidden_layers=size.depth,
            num_attention_heads=size.num_heads,
            intermediate_size=int(size.embed_dim * size.mlp_ratio),
            decoder_hidden_size=size.decoder_embed_dim,
            decoder_num_hidden_layers=4,
            decoder_num_attention_heads=size.decoder_num_heads,
            decoder_intermediate_size=int(size.decoder_embed_dim * size.mlp_ratio),
            layer_norm_eps=1e-6,
            norm_pix_loss=True,
        )
        config._attn_implementation = "sdpa"  # its fastest
        self.model = VideoMAEForPreTraining(config)
        device = clips.pixels.device
        mean = torch.tensor(IMAGENET_MEAN, device=device)
        std = torch.tensor(IMAGENET_STD, device=device)
        pixels = (clips.pixels / 255 - mean) / std
        self.pixels = nn.Buffer(pixels.permute(0, 1, 4, 2, 3).contiguous(), persistent=False)
        cubes = case.model.encoder.cubes
        split = draw_split(MASKINGS["v1"], cubes.grid, case.batch_size, clips.keys)
        hidden = torch.ones(case.batch_size, cubes.tokens, dtype=torch.bool, device=device)
        self.hidden = nn.Buffer(hidden.scatter_(1, split.visible, False), persistent=False)

    pixels: Tensor
    hidden: Tensor

    def forward(self, clips: Clips) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        loss = self.model(self.pixels, bool_masked_pos=self.hidden).loss
        return loss, clips.weights.sum(), {}


def compute_transformers_flops(case: BenchCase) -> int:
    """Operations of forward and backward for one clip, V1 masking.

    More than ours: every cube is embedded before the hidden ones are dropped, and the decoder's
    last block answers for every token.
    """
    cubes = case.model.encoder.cubes
    counts = replace(count_tokens(MASKINGS["v1"], cubes.grid), embedded=cubes.tokens)
    return compute_step_flops(case.model, counts, trim_last_block=False)


TRANSFORMERS_BASELINE = Baseline(build_model=TransformersTask, flops=compute_transformers_flops)
