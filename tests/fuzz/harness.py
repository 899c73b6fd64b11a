"""Inputs are handed to a child, and what becomes of them is counted."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

from tests.fuzz.kinds import FIFO, Kind

CPU_SECONDS = 10.0
"""What an input may take, of an idle core."""
TIMEOUT_SECONDS = 40.0
"""By the clock, for those that wait; other work may share the cores."""
START_SECONDS = 120.0
_ROOT = Path(__file__).parents[2]


class Child:
    """A reading process that is used for many inputs, and replaced when it dies or hangs."""

    def __init__(self) -> None:
        self._stderr = TemporaryFile()  # noqa: SIM115
        self._start()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *error: object) -> None:
        self._kill()
        self._stderr.close()

    def read(self, kind: str, folder: Path) -> dict:
        """What became of an input."""
        request = json.dumps({"kind": kind, "folder": str(folder)}) + "\n"
        self._process.stdin.write(request.encode())
        self._process.stdin.flush()
        line = self._read_line(TIMEOUT_SECONDS)
        if line:
            answer = json.loads(line)
            slow = answer["seconds"] > CPU_SECONDS
            return answer if not slow else answer | {"outcome": "failed", "detail": "slow"}
        self._kill()
        code = self._process.returncode
        detail = "slow" if line is None else f"died with {code}: {self._tail()}"
        self._start()
        return {"outcome": "failed", "detail": detail, "texts": []}

    def _start(self) -> None:
        self._stderr.seek(0)
        self._stderr.truncate()
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        path = os.pathsep.join((str(_ROOT), str(_ROOT / "src")))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, **threads, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "1"},
        )
        assert self._read_line(START_SECONDS), f"the child does not start: {self._tail()}"

    def _read_line(self, seconds: float) -> bytes | None:
        """A line; "" if the child is dead, None if it is late."""
        is_ready = select.select([self._process.stdout], [], [], seconds)[0]
        return self._process.stdout.readline() if is_ready else None

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _tail(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")[-300:]


@dataclass
class Report:
    """What became of the inputs of some kinds."""

    counts: dict[str, Counter] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [f"{'kind':18}{'right':>7}{'refused':>9}{'failed':>8}"]
        for kind, count in self.counts.items():
            rows.append(f"{kind:18}{count['right']:7}{count['refused']:9}{count['failed']:8}")
        total = sum(self.counts.values(), Counter())
        rows.append(f"{'all':18}{total['right']:7}{total['refused']:9}{total['failed']:8}")
        return "\n".join(rows)


def run(child: Child, kind: Kind, inputs: Iterable[bytes], place: Path, report: Report) -> None:
    """Read all inputs of a kind; those that fail stay on the disk."""
    count = report.counts.setdefault(kind.name, Counter())
    template = place / f"{kind.name}-beside"
    template.mkdir(parents=True)
    kind.beside(template)
    for number, content in enumerate(inputs):
        folder = place / f"{kind.name}-{number}"
        _lay_out(template, folder, kind, content)
        answer = child.read(kind.name, folder)
        count[answer["outcome"]] += 1
        if answer["outcome"] == "failed":
            report.failures.append(
                f"{answer['detail']}\n    python -m tests.fuzz.server {kind.name} {folder}"
            )
        else:
            shutil.rmtree(folder)


def _lay_out(template: Path, folder: Path, kind: Kind, content: bytes) -> None:
    shutil.copytree(template, folder, copy_function=os.link)
    for name in kind.fifos:
        os.mkfifo(folder / name)
    os.mkfifo(folder / FIFO)
    path = folder / kind.file
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
