"""The attentive probe: one learnt query that attends to all tokens of a video, then a linear head.

As V-JEPA's, with the same weights and the same answer, but computed from the other side: a single
query need not turn every token into keys and values. What the query asks is brought to the tokens
(one vector per head), and only the weighted mean of the tokens is turned into a value.

Axes: videos, tokens, dim, heads, per_head (= dim / heads), classes.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Generator, Tensor, nn

from videomae2.models.layers import LAYER_NORM_EPSILON, MLP, Linear

_STD = 0.02


def standardize_tokens(tokens: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
    """Bring each token to mean 0 and deviation 1, as the probe's own norm does first of all."""
    return F.layer_norm(tokens, tokens.shape[-1:], eps=LAYER_NORM_EPSILON)


class AttentiveProbe(nn.Module):
    """Scores of classes from the frozen tokens of a video; the generator draws the first weights.

    Source: AttentiveClassifier with depth 1 in src/models/attentive_pooler.py of
        facebookresearch/vjepa2: query + cross-attention(norm1(tokens)), then + MLP(norm2), linear.
        Without its layers of self-attention, and without a projection, as there.
    """

    def __init__(self, dim: int, num_heads: int, num_classes: int, generator: Generator) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"dim must split evenly over heads, got dim={dim}, heads={num_heads}")
        self.num_heads = num_heads
        self.query = nn.Parameter(torch.empty(dim))
        self.norm1 = nn.LayerNorm(dim, eps=LAYER_NORM_EPSILON)
        self.q, self.k, self.v = (Linear(dim, dim) for _ in range(3))
        self.norm2 = nn.LayerNorm(dim, eps=LAYER_NORM_EPSILON)
        self.mlp = MLP(dim, 4 * dim)
        self.head = Linear(dim, num_classes)
        nn.init.trunc_normal_(self.query, std=_STD, generator=generator)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=_STD, generator=generator)
                nn.init.zeros_(module.bias)
        with torch.no_grad():
            self.mlp.fc2.weight.div_(2**0.5)  # as there: residual branches start smaller

    def forward(
        self, tokens: Float[Tensor, "videos tokens dim"]
    ) -> Float[Tensor, "videos classes"]:
        """Give raw scores of ``standardize_tokens``."""
        return self.head(self.embed(tokens))

    def embed(self, tokens: Float[Tensor, "videos tokens dim"]) -> Float[Tensor, "videos dim"]:
        """What the head sees of ``standardize_tokens``; the norm's scale and shift come in here."""
        query = rearrange(self.q(self.query), "(h d) -> h d", h=self.num_heads)
        keys = rearrange(self.k.weight, "(h d) dim -> h d dim", h=self.num_heads)
        # a shift of the tokens or of the keys moves all scores alike, which softmax ignores
        query = torch.einsum("hd,hdi->hi", query, keys) * self.norm1.weight
        scores = torch.einsum("bni,hi->bhn", tokens, query) * (keys.shape[1] ** -0.5)
        pooled = torch.einsum("bhn,bni->bhi", scores.softmax(dim=2), tokens)
        pooled = pooled * self.norm1.weight + self.norm1.bias
        values = rearrange(self.v.weight, "(h d) dim -> h d dim", h=self.num_heads)
        attended = torch.einsum("bhi,hdi->bhd", pooled, values).flatten(1) + self.v.bias
        x = self.query + attended
        return x + self.mlp(self.norm2(x))
