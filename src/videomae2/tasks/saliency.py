"""Where a model looks: attention rollout, and gradients of a score.

Both give a share of the whole for every cube of a clip. Axes: batch, tokens, values of a cube.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from videomae2.models.encoder import VideoEncoder
from videomae2.models.layers import Attention

Values = Float[Tensor, "batch tokens values"]
Shares = Float[Tensor, "batch tokens"]
ScoreFn = Callable[[Values], Float[Tensor, " batch"]]


@torch.no_grad()
def roll_out_attention(encoder: VideoEncoder, values: Values, *, reads_first: bool) -> Shares:
    """How much of each cube arrives in what is pooled, if attention and residuals alone moved it.

    Half of each block is its attention, averaged over heads, half is the residual. ``reads_first``:
    the first token is read, not the mean of all.

    Source: Abnar and Zuidema 2020, arXiv 2005.00928.
    """
    weights: list[Tensor] = []

    def keep(module: torch.nn.Module, inputs: tuple[Tensor, int]) -> None:
        assert isinstance(module, Attention)
        weights.append(module.compute_weights(inputs[0]).float())

    attentions = [each for each in encoder.modules() if isinstance(each, Attention)]
    handles = [attention.register_forward_pre_hook(keep) for attention in attentions]
    try:
        encoder(values)
    finally:
        for handle in handles:
            handle.remove()
    batch, tokens = values.shape[:2]
    share = torch.full((batch, 1, tokens), 1 / tokens, device=values.device)
    if reads_first:
        share = torch.zeros_like(share)
        share[..., 0] = 1
    for weight in reversed(weights):  # a row from the end on, not products of matrices
        share = (share + share @ weight) / 2
    return share[:, 0]


def integrate_gradients(score: ScoreFn, values: Values, baseline: Values, *, steps: int) -> Shares:
    """How much each cube moves a score on the way from a baseline to the clip, in absolute value.

    The gradients along the way, times the way; of each cube the sum. Before absolute values they
    sum up to the difference of the scores. Where nothing moves it, all cubes count alike.

    Source: Sundararajan, Taly and Yan 2017, arXiv 1703.01365.
    """
    way, total = values - baseline, torch.zeros_like(values)
    for step in range(steps):
        point = (baseline + (step + 0.5) / steps * way).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(score(point).sum(), point)
        total += gradient / steps
    moved = (total * way).sum(dim=-1).abs()
    whole = moved.sum(dim=1, keepdim=True)
    return torch.where(whole > 0, moved / whole.clamp(min=1e-30), 1 / moved.shape[1])
