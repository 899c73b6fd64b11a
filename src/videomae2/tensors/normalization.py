"""How pixels become what a model reads: settings that are kept with its weights. No torch here."""

from dataclasses import dataclass
from typing import Annotated, Literal

from videomae2.base.ranges import ANY_NUMBER, POSITIVE

Subtract = Literal["none", "temporal-mean"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Normalization:
    """Mean and deviation of each channel, of pixels in [0, 1], and what is taken away before."""

    mean: Annotated[tuple[float, ...], ANY_NUMBER] = (0.485, 0.456, 0.406)
    """Mean of each channel, of pixels in [0, 1]; ImageNet's. Of no effect where the mean over time
    is taken away."""
    std: Annotated[tuple[float, ...], POSITIVE] = (0.229, 0.224, 0.225)
    """Standard deviation of each channel; ImageNet's."""
    subtract: Subtract = "none"
    """Taken away from each clip, in what the model reads and, in pre-training, in what it rebuilds:
    nothing, or its own mean over time. That leaves motion alone: right for resting cameras where
    motion decides, such as mouths, gestures or machines; colour, things and scene are lost."""

    def to_tuple(self) -> tuple[tuple[float, ...], tuple[float, ...], Subtract]:
        """All that it says, for digests."""
        return self.mean, self.std, self.subtract
