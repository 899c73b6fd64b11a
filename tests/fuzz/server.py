"""A child that reads one input after the other, and says of each what became of it.

It has 1 GiB above what it holds when idle, and notes what it opens, starts or unpickles. Where
memory was refused, the input is read again without that limit, and what it takes is measured: a
library may ask for more than there is, or for room among addresses that are in use, and take none.
``python -m tests.fuzz.server KIND FOLDER`` reads one input, to reproduce a failure.
"""

import ast
import json
import os
import re
import resource
import sys
import time
from pathlib import Path

from videomae2.errors import VideoMAE2Error

SPARE_BYTES = 2**30
MAX_CHARACTERS, MAX_LINES = 4000, 40
_FOREIGN_WORDS = re.compile(
    r"weights_only|allow_pickle|Traceback|miniz|deserializing|torch\.|PytorchStream|<class '"
    r"|object at 0x|\(os error|site-packages|\bArrow|Errno|set_int_max|memory mapped"
)
_FORBIDDEN = {
    "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect",
    "socket.getaddrinfo", "pickle.find_class", "ctypes.dlopen", "webbrowser.open",
}  # fmt: skip
_CHANGES = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree"}
_OWN_FOLDERS = (
    sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
    "/proc", "/sys", "/dev/null", "/dev/urandom", "/usr", sys.pycache_prefix or "/usr",
)  # fmt: skip


class Watch:
    """What a reader did that it has no business to, while it is on."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        folder = self.folder
        if folder is None:
            return
        if event in _FORBIDDEN:
            self.seen.append(f"{event} {arguments[:1]}"[:200])
        elif event == "open" and not isinstance(arguments[0], int):
            is_reading = not (isinstance(arguments[2], int) and arguments[2] & 3)
            self._check_path(event, arguments[0], folder, _OWN_FOLDERS if is_reading else ())
        elif event in _CHANGES:
            self._check_path(event, arguments[0], folder, ())

    def _check_path(self, event: str, path: object, folder: str, allowed: tuple[str, ...]) -> None:
        if isinstance(path, int):
            return
        full = os.path.abspath(os.fsdecode(path))
        if not full.startswith((f"{folder}/", *allowed)) and full != folder:
            self.seen.append(f"{event} {full}"[:200])


def limit_memory() -> None:
    """Let this process grow by no more than what a small file may cost."""
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + SPARE_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def find_fault(text: str, folder: str) -> str | None:
    """What is wrong with a refusal; None for one sentence of ours, with its problems."""
    if len(text) > MAX_CHARACTERS:
        return f"{len(text)} characters"
    if match := _FOREIGN_WORDS.search(text):
        return f"the words of others: {match[0]}"
    lines = text.split("\n")
    is_listed = [line.startswith((folder, "  ", "--", "and ", "use the ")) for line in lines[1:]]
    if len(lines) > MAX_LINES or not all(is_listed):
        return "several lines"
    return None


def _is_of_parser(error: BaseException) -> bool:
    """Python's parser says so of brackets that are nested too deeply."""
    return find_place(error).startswith(ast.__file__)


def find_place(error: BaseException) -> str:
    """File and line where an error arose."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""


def read(kind: str, folder: str, watch: Watch) -> dict[str, object]:
    """Read an input, and say what became of it."""
    answer = _read(kind, folder, watch, is_limited=True)
    if answer["outcome"] != "failed" or "MemoryError" not in str(answer["detail"]):
        return answer
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = _read_peak()
    answer = _read(kind, folder, watch, is_limited=False)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    taken = _read_peak() - before
    if taken > SPARE_BYTES:
        answer |= {"outcome": "failed", "detail": f"it takes {taken / 2**20:.0f} MiB"}
    return answer


def _read_peak() -> int:
    """The most bytes that were in memory."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def _read(kind: str, folder: str, watch: Watch, *, is_limited: bool) -> dict[str, object]:
    from tests.fuzz.readers import READERS

    texts: list[str] = []

    def attempt(function, *arguments, **more):
        """What a function gives; None where it refuses."""
        try:
            return function(*arguments, **more)
        except VideoMAE2Error as error:
            cause: BaseException | None = error if is_limited else None
            while cause is not None:
                if isinstance(cause, MemoryError) and not _is_of_parser(cause):
                    raise cause from None
                cause = cause.__cause__ or cause.__context__
            texts.append(str(error))
            return None

    started = time.process_time()
    watch.seen, watch.folder = [], folder
    try:
        was_read = READERS[kind](Path(folder), attempt)
        outcome, detail = ("right", "") if was_read else ("refused", "")
        if not was_read and not texts:
            outcome, detail = "failed", "neither read nor refused"
    except BaseException as error:
        where = find_place(error)
        outcome, detail = "failed", f"{type(error).__name__}: {str(error)[:200]} ({where})"
    finally:
        watch.folder = None
    faults = [
        f"{fault} in: {text[:300]!r}" for text in texts if (fault := find_fault(text, folder))
    ]
    if outcome != "failed" and (faults or watch.seen):
        outcome, detail = "failed", faults[0] if faults else f"it did {watch.seen[0]}"
    seconds = time.process_time() - started
    return {"outcome": outcome, "detail": detail, "seconds": seconds, "texts": texts[:3]}


def main() -> None:
    """Serve lines of standard input; what libraries print goes nowhere."""
    sys.dont_write_bytecode = True  # a fresh clone has none, and importing is no reader's doing
    from tests.fuzz import readers

    watch = Watch()
    if len(sys.argv) == 3:
        readers.warm_up()
        limit_memory()
        answer = read(sys.argv[1], os.path.abspath(sys.argv[2]), watch)
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
        return
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    readers.warm_up()
    limit_memory()
    answers.write("{}\n")
    answers.flush()
    for line in sys.stdin:
        request = json.loads(line)
        os.chdir(request["folder"])
        answers.write(json.dumps(read(request["kind"], request["folder"], watch)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
