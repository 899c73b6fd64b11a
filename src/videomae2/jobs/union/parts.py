"""Which lists a union is made of, and how each is read."""

from dataclasses import dataclass
from pathlib import Path

from videomae2.data.identity import IdRule
from videomae2.data.union_report import DatasetSplit


@dataclass(frozen=True, slots=True)
class MergePart:
    """One data set of a union, and how its lists are read."""

    name: str
    training: Path
    validation: Path | None = None
    class_names: Path | None = None
    """What its labels are called, where they are numbers: a file, or a public set."""
    root: Path | None = None
    """Where its files lie; the folder of each list if not given."""
    id_rule: IdRule | None = None
    """Where the id of a video stands."""

    def list_inputs(self) -> "list[PartList]":
        """Its lists, and what each is for."""
        lists = [PartList(self, "training", self.training)]
        if self.validation is not None:
            lists.append(PartList(self, "validation", self.validation))
        return lists


@dataclass(frozen=True, slots=True)
class PartList:
    """One list of a part."""

    part: MergePart
    split: DatasetSplit
    path: Path


@dataclass(frozen=True, slots=True)
class MergeInputs:
    """All lists of a union."""

    parts: tuple[MergePart, ...]
    targets: tuple[MergePart, ...]
    """Lists of target tests that are of no part; the training list counts."""
