"""Where in videos something like a short video happens, by the features of their windows.

Cosines of standardised features: without their mean, which all windows share, and with every number
as important as any other. Axes: query = windows of the short video; windows of another; dim.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

Windows = Float[np.ndarray, "windows dim"]


@dataclass(frozen=True, slots=True)
class WindowScaler:
    """Brings features to mean 0 and deviation 1 over all windows of all videos."""

    mean: Float64[np.ndarray, " dim"]
    std: Float64[np.ndarray, " dim"]

    @classmethod
    def fit(cls, videos: Iterable[np.ndarray]) -> "WindowScaler":
        """Over the windows [windows, dim] of some videos, one of them in memory at a time.

        Raises:
            ValueError: There is none.
        """
        count, mean, square = 0, np.zeros(1), np.zeros(1)
        for windows in videos:  # Chan's update: sums of squares would lose digits
            x = windows.astype(np.float64)
            delta, total = x.mean(axis=0) - mean, count + len(x)
            mean = mean + delta * len(x) / total
            square = square + x.var(axis=0) * len(x) + delta**2 * count * len(x) / total
            count = total
        if not count:
            raise ValueError("there are no windows")
        std = np.sqrt(square / count)
        return cls(mean, np.where(std > 1e-12, std, np.inf))

    def __call__(self, windows: Windows) -> Float64[np.ndarray, "windows dim"]:
        """Each window standardised, and of length 1."""
        return _normalize((windows - self.mean) / self.std)


def _normalize(x: Float64[np.ndarray, "*rows dim"]) -> Float64[np.ndarray, "*rows dim"]:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def compare_means(
    query: Float64[np.ndarray, "query dim"], windows: Float64[np.ndarray, "windows dim"]
) -> float:
    """The cosine of the means of two videos' scaled windows."""
    return float(_normalize(query.mean(axis=0)) @ _normalize(windows.mean(axis=0)))


def score_moments(
    query: Float64[np.ndarray, "query dim"], windows: Float64[np.ndarray, "windows dim"]
) -> Float64[np.ndarray, " places"]:
    """The mean cosine of the query's windows with those of a video, from each of its windows on.

    Where the query is longer than the video, as much of its middle is compared as fits.
    """
    length = min(len(query), len(windows))
    first = (len(query) - length) // 2
    cosines = query[first : first + length] @ windows.T
    count = len(windows) - length + 1
    return np.mean([cosines[row, row : row + count] for row in range(length)], axis=0)


def find_moments(
    scores: Float64[np.ndarray, " places"], length: int, count: int
) -> list[tuple[float, int]]:
    """The best places and their scores, no two nearer than half a ``length``."""
    left, found = scores.copy(), list[tuple[float, int]]()
    reach = max(1, (length + 1) // 2)
    while len(found) < count and np.isfinite(left).any():
        place = int(np.nanargmax(np.where(np.isfinite(left), left, -np.inf)))
        found.append((float(scores[place]), place))
        left[max(0, place - reach + 1) : place + reach] = -np.inf
    return found
