"""Compare this package with numbers of the released code: one JSON line per check.

    python tests/golden/check.py FILE...

A FILE is a .safetensors with weights, clips and results, or a .json with index lists, masks and
schedules, in the format of the README beside the fixtures. Sizes are read from the files, so any
file of the format works.

Exit code 1 if a check fails, 0 otherwise. What a file holds beside the format is skipped: that is
no failure, and standard error says how many.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # to run as a program, anywhere

from tests.golden.check_lists import check_lists
from tests.golden.check_models import check_models
from tests.golden.verdict import Check, guarded


def check_file(path: Path) -> Iterator[Check]:
    """Run every check that a file holds."""
    found = check_lists(path) if path.suffix == ".json" else check_models(path)
    yield from ({"file": path.name, **check} for check in guarded("reading the file", found))


def main(arguments: list[str], write: Callable[[str], object] = print) -> int:
    """Check every file; give the exit code."""
    if not arguments:
        write(__doc__ or "")
        return 2
    verdicts: Counter[bool | None] = Counter()
    for argument in arguments:
        for check in check_file(Path(argument)):
            write(json.dumps(check, allow_nan=False))
            verdicts[check["pass"]] += 1
    if verdicts[None]:
        sys.stderr.write(f"{verdicts[None]} skipped: nothing by these names is known here\n")
    return 1 if verdicts[False] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
