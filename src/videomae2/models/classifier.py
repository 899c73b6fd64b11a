"""The classifier: an encoder that sees every cube, pooling, a norm after it, and a linear head.

Axes: batch, tokens = all cubes of a clip, values = numbers in a cube, dim, slots = cubes along
time, outputs = classes (or numbers to predict), features = what the head reads: dim, or slots*dim.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from einops import rearrange, reduce
from jaxtyping import Float, Int64
from torch import Tensor, nn

from videomae2.base.ranges import BELOW_ONE, NOT_NEGATIVE
from videomae2.models.encoder import EncoderConfig, VideoEncoder
from videomae2.models.layers import Linear
from videomae2.tensors.rng_torch import dropout_mask, fold_in

GlobalPool = Literal["avg", "slots", "token"]

_HEAD_DROP_STREAM = 43
"""Of a clip's key: which features the head does without."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig:
    """The model of supervised training; stochastic depth is the encoder's ``drop_path``."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """The part that pre-training taught."""
    num_classes: Annotated[int, NOT_NEGATIVE] = 0
    """Classes, or numbers to predict; 0 leaves the head out, and the features are the answer."""
    global_pool: GlobalPool = "avg"
    """Mean of all tokens and the norm after it; the mean of each time slot and the norm after
    each, side by side, so that the head knows what came when; or (as the released --use_cls)
    the norm and then the first token, which is no class token but the first cube."""
    head_drop_rate: Annotated[float, BELOW_ONE] = 0.0
    """Share of the features that the head does without in a training step."""
    head_init_scale: Annotated[float, NOT_NEGATIVE] = 0.001
    """The head's first weights are drawn and then multiplied by this."""

    @property
    def num_features(self) -> int:
        """How many numbers the head reads of a clip; raises ValueError if clips do not split."""
        slots = self.encoder.cubes.grid[0] if self.global_pool == "slots" else 1
        return slots * self.encoder.shape.embed_dim


class Classifier(nn.Module):
    """Scores of a clip from all its cubes.

    Source: VisionTransformer in models/modeling_finetune.py of the released code. Without
        outputs that one cannot be built; here it gives features.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        if config.num_classes < 0:
            raise ValueError(f"a head has 0 outputs or more, got {config.num_classes}")
        if not 0 <= config.head_drop_rate < 1:
            raise ValueError(f"head dropout is from 0 to below 1, got {config.head_drop_rate}")
        self.config = config
        dim, averages = config.encoder.shape.embed_dim, config.global_pool != "token"
        self.encoder = VideoEncoder(config.encoder, norm=not averages)
        self.cubes = self.encoder.cubes
        has_norm, eps = averages and config.encoder.final_norm, config.encoder.norm_eps[1]
        self.fc_norm = nn.LayerNorm(dim, eps=eps) if has_norm else nn.Identity()
        outputs = config.num_classes
        self.head = Linear(config.num_features, outputs) if outputs else None

    def forward(
        self,
        values: Float[Tensor, "batch tokens values"],
        *,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch outputs"]:
        """Give raw scores, before any softmax; the features where there is no head."""
        return self.forward_head(self.forward_features(values, keys=keys), keys=keys)

    def forward_features(
        self,
        values: Float[Tensor, "batch tokens values"],
        *,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch features"]:
        """Give one vector per clip: what the head reads.

        All cubes stand in token order, normalised; in training stochastic depth draws by ``keys``.
        """
        tokens = self.encoder(values, keys=keys)
        if self.config.global_pool == "slots":
            slots = reduce(tokens, "b (t n) dim -> b t dim", "mean", t=self.cubes.grid[0])
            return rearrange(self.fc_norm(slots), "b t dim -> b (t dim)")
        pooled = tokens.mean(dim=1) if self.config.global_pool == "avg" else tokens[:, 0]
        return self.fc_norm(pooled)

    def forward_head(
        self,
        features: Float[Tensor, "batch features"],
        *,
        keys: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch outputs"]:
        """Give the head's answer to features; in training it does without some, by ``keys``."""
        return features if self.head is None else self.head(self._drop_features(features, keys))

    def _drop_features(
        self, features: Tensor, keys: Tensor | None
    ) -> Float[Tensor, "batch features"]:
        rate = self.config.head_drop_rate
        if not self.training or rate == 0:
            return features
        if keys is None:
            raise ValueError("head dropout draws by the clips' keys: give them in training")
        mask = dropout_mask(fold_in(keys, _HEAD_DROP_STREAM), rate, features.shape[1])
        return features * mask.to(features.dtype)
