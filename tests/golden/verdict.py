"""What one check says: a name, an error, a bound, and whether it passed."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

Check = dict[str, Any]


def result(name: str, error: float, bound: float) -> Check:
    """Compare an error with its bound; one that is not a finite number fails."""
    if not math.isfinite(error):
        return failed(name, bound, f"the error is {error}")
    return {"name": name, "error": error, "bound": bound, "pass": error <= bound}


def failed(name: str, bound: float | None, reason: str) -> Check:
    """A failure without a number; JSON has none for infinity."""
    return {"name": name, "error": None, "bound": bound, "pass": False, "reason": reason}


def skipped(name: str, reason: str) -> Check:
    """A check that this version of the package cannot make."""
    return {"name": name, "error": None, "bound": None, "pass": None, "skipped": reason}


def guarded(name: str, checks: Iterable[Check]) -> Iterator[Check]:
    """Hand checks on; if making them breaks off, that is a failure and no end of the program."""
    try:
        yield from checks
    except Exception as error:
        yield failed(name, None, f"{type(error).__name__}: {error}")


def absolute(name: str, got: Tensor, want: Tensor, bound: float) -> Check:
    """The largest difference of two tensors of equal shape."""
    if got.shape != want.shape:
        return failed(name, bound, f"shape {tuple(got.shape)}, want {tuple(want.shape)}")
    return result(name, (got - want).abs().max().item(), bound)


def relative(name: str, got: Tensor | None, want: Tensor, bound: float) -> Check:
    """How long the difference of two tensors is, over how long the wanted one is."""
    if got is None:
        return failed(name, bound, "there is no such weight here")
    if got.numel() != want.numel():
        return failed(name, bound, f"shape {tuple(got.shape)}, want {tuple(want.shape)}")
    got, want = got.detach().double().flatten(), want.double().flatten()
    length = want.norm().item()
    return result(name, (got - want).norm().item() / (length or 1.0), bound)
