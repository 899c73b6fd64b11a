"""Their names for the parts of a model, followed both ways, and what stands before them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from videomae2.errors import CheckpointError

HEAD_PARTS = ("head.", "fc_norm.")
"""Of a classifier, that may stand beside an encoder with a prefix."""
_BLOCK = re.compile(r"(encoder|decoder)\.blocks\.(\d+)\.(.+)")
_MAX_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class NameTable:
    """Their names for the parts of a model."""

    tops: Mapping[str, str]
    """Of everything but what is inside of blocks, without the last word (weight, bias)."""
    inners: Mapping[str, str] = field(default_factory=dict)
    """Of what is inside of blocks, whole or without the last word; the others are called alike."""
    alternatives: Mapping[str, str] = field(default_factory=dict)
    """Other names of such parts, in some versions."""
    splits: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    """Parts that are three tensors there, one below the other."""

    def to_theirs(self, ours: str) -> tuple[str, ...]:
        """What a tensor of ours is called there: one name, or three of its thirds; none: not."""
        if match := _BLOCK.fullmatch(ours):
            top = self.tops.get(f"{match[1]}.blocks")
            return () if top is None else tuple(
                f"{top}.{match[2]}.{name}" for name in self._map_inner(match[3])
            )  # fmt: skip
        stem, _, leaf = ours.rpartition(".")
        if ours in self.tops:
            return (self.tops[ours],)
        return (f"{self.tops[stem]}.{leaf}",) if stem in self.tops else ()

    def to_alternative(self, ours: str) -> str | None:
        """Another name that some versions have for it."""
        match = _BLOCK.fullmatch(ours)
        if not match or match[3] not in self.alternatives:
            return None
        return f"{self.tops[f'{match[1]}.blocks']}.{match[2]}.{self.alternatives[match[3]]}"

    def to_ours(self, theirs: str) -> str | None:
        """What a tensor of theirs is called here; None if it is not known, or a part of one."""
        for ours, top in self.tops.items():
            if theirs == top and "." not in top:
                return ours
            if not theirs.startswith(f"{top}."):
                continue
            rest = theirs[len(top) + 1 :]
            if not ours.endswith("blocks"):
                return f"{ours}.{rest}" if rest in ("weight", "bias") else None
            number, _, inner = rest.partition(".")
            return f"{ours}.{number}.{self._unmap_inner(inner)}" if number.isdecimal() else None
        return None

    def _map_inner(self, inner: str) -> tuple[str, ...]:
        if inner in self.splits:
            return self.splits[inner]
        stem, dot, leaf = inner.rpartition(".")
        return (self.inners.get(inner, f"{self.inners.get(stem, stem)}{dot}{leaf}"),)

    def _unmap_inner(self, inner: str) -> str:
        stem, _, leaf = inner.rpartition(".")
        for ours, theirs in self.inners.items():
            if theirs == inner:
                return ours
            if theirs == stem:
                return f"{ours}.{leaf}"
        return inner


def split_root(
    names: Mapping[str, Tensor], patch_embed: str, path: Path
) -> tuple[str, dict[str, str]]:
    """What stands before the names of the only model among others, and their names without it.

    Heads and their norms may stand beside it, without its prefix or with a shorter one. Names of
    anything else are left as they are.

    Raises:
        CheckpointError: There are several models.
    """
    roots = sorted(
        name[: -len(patch_embed)]
        for name in names
        if name == patch_embed or name.endswith(f".{patch_embed}")
    )
    if len(roots) > 1:
        raise CheckpointError(
            f"{path} holds {len(roots)} models, under {' and '.join(map(repr, roots[:_MAX_SHOWN]))}"
            "; save the one that is meant alone"
        )
    root = roots[0] if roots else ""
    stripped = {name: _strip_root(name, root) for name in names}
    doubled = len(set(stripped.values())) < len(stripped)
    return root, {name: name for name in names} if doubled else stripped


def _strip_root(name: str, root: str) -> str:
    if name.startswith(root):
        return name[len(root) :]
    for outer in _iterate_outer(root):
        if name.startswith(outer) and name[len(outer) :].startswith(HEAD_PARTS):
            return name[len(outer) :]
    return name


def _iterate_outer(root: str) -> Iterator[str]:
    """Shorter and shorter beginnings of a prefix, the empty one last."""
    parts = root.split(".")[:-1]
    for length in range(len(parts) - 1, -1, -1):
        yield "".join(f"{part}." for part in parts[:length])
