"""Columns of parts, such as train and test, that no filter reads."""

from collections import Counter
from collections.abc import Sequence

from videomae2.data.tables.values import MAX_DISTINCT, TableCells, is_nothing
from videomae2.data.tables.window_names import split_words

_SPLIT_NAMES = {"split", "splits", "subset", "partition", "fold", "folds"}
_PARTS = {
    "train", "training", "trainval", "val", "valid", "validation", "dev", "test", "testing", "eval",
    "holdout", "heldout",
}  # fmt: skip
_FLAGS = {"0", "1", "0.0", "1.0", "true", "false", "yes", "no", "t", "f", "y", "n"}
_MAX_SHOWN = 6


def describe_splits(names: Sequence[str], cells: TableCells) -> list[str]:
    """A warning for each of the columns that parts the rows, all of which are taken."""
    return [_describe(name, cells) for name in names if _is_split(name, cells)]


def _is_split(name: str, cells: TableCells) -> bool:
    """Whether values are called train, test and so on, or the name says that they are parts."""
    counts = cells.other_values.get(name, Counter())
    values = [text for text in counts if not is_nothing(text)]
    if len(values) < 2 or len(counts) >= MAX_DISTINCT:
        return False
    if all(_PARTS & {*split_words(text.lower())} for text in values):
        return True
    words = {part for word in split_words(name) for part in (word, word.removeprefix("is"))}
    return bool(words & _SPLIT_NAMES) or (
        bool(words & _PARTS) and {text.lower() for text in values} <= _FLAGS
    )


def _describe(name: str, cells: TableCells) -> str:
    counts = cells.other_values[name].most_common()
    shown = ", ".join(f"{count:,} {text}" for text, count in counts[:_MAX_SHOWN])
    more = ", …" * (len(counts) > _MAX_SHOWN)
    first = next((text for text, _ in counts if "train" in text.lower()), counts[0][0])
    return (
        f"rows of every {name} are taken ({shown}{more}): --data.sources.0.filter {name}={first} "
        "takes those alone, as --filter does where one list is read"
    )
