"""Processes that run the jobs of the comparison, some side by side."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from own_videos_jobs import Job

from videomae2.base.files import atomic_write_text
from videomae2.base.text import format_duration
from videomae2.errors import VideoMAE2Error

_DONE_FILE = "done.json"
_PATIENCE = 30.0  # seconds that a command has to save and stop


class JobFailedError(VideoMAE2Error):
    """A command did not do its work."""


@dataclass(slots=True)
class JobPool:
    """Runs jobs, some side by side; those that were done stay so."""

    out: Path
    processes: int
    log: Callable[[str], None]
    program: Sequence[str] = (sys.executable, "-m", "videomae2")
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of each job that has begun: its commands, seconds, and whether it is done."""

    def __post_init__(self) -> None:
        path = self.out / _DONE_FILE
        if path.exists():
            self.done = json.loads(path.read_text(encoding="utf-8"))

    def is_done(self, job: Job) -> bool:
        """Whether the same commands have run to their end."""
        entry = self.done.get(job.name, {})
        return bool(entry.get("is_done")) and entry["commands"] == job.commands()

    def run(self, jobs: Sequence[Job]) -> None:
        """Run all jobs, the first that can be first.

        Raises:
            JobFailedError: A command failed; the others have saved and stopped.
            KeyboardInterrupt: As usual; likewise.
        """
        waiting, running = list(jobs), dict[str, _RunningJob]()
        finished = set[str]()
        try:
            while waiting or running:
                for name, job in [*running.items()]:
                    if job.poll():
                        del running[name]
                        finished.add(name)
                        self._keep(job)
                ready = [job for job in waiting if finished.issuperset(job.after)]
                for new in ready:
                    if self.is_done(new):
                        finished.add(new.name)
                        waiting.remove(new)
                    elif len(running) < self.processes:
                        running[new.name] = _RunningJob(new, self.out, self.program)
                        waiting.remove(new)
                        self.log(f"begins   {new.name}")
                time.sleep(0.1)
        finally:
            for job in running.values():
                job.stop()
                self._keep(job, is_done=False)

    def _keep(self, job: "_RunningJob", *, is_done: bool = True) -> None:
        seconds = time.monotonic() - job.started
        seconds += self.done.get(job.name, {}).get("seconds", 0.0)
        entry = {"commands": job.commands, "seconds": round(seconds, 1), "is_done": is_done}
        self.done[job.name] = entry
        atomic_write_text(self.out / _DONE_FILE, json.dumps(self.done, indent=1) + "\n")
        state = "done    " if is_done else "stopped "
        self.log(f"{state} {job.name}, {format_duration(seconds)}")


class _RunningJob:
    """The process of a job's present command."""

    def __init__(self, job: Job, out: Path, program: Sequence[str]) -> None:
        self.name, self.commands, self.started = job.name, job.commands(), time.monotonic()
        self._program = program
        self._log, self._stdout = out / f"{job.name}.log", out / f"{job.name}.stdout"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._commands: Iterator[list[str]] = iter(self.commands)
        self._process = self._start(next(self._commands))

    def poll(self) -> bool:
        """Whether all commands are done; begins the next.

        Raises:
            JobFailedError: One failed.
        """
        code = self._process.poll()
        if code is None:
            return False
        if code != 0:
            last = "\n".join(self._log.read_text(errors="replace").splitlines()[-3:])
            raise JobFailedError(f"{self.name} ended with {code}; the end of {self._log}:\n{last}")
        command = next(self._commands, None)
        if command is None:
            return True
        self._process = self._start(command)
        return False

    def stop(self) -> None:
        """Let it save, and wait for that."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _start(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        words = [*self._program, *command]
        threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        with self._stdout.open("wb") as output, self._log.open("ab") as log:
            return subprocess.Popen(words, stdout=output, stderr=log, env=os.environ | threads)
