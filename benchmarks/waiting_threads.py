"""Steps by what threads of OpenMP do while they wait: give the core away, or spin.

Each setting is an environment variable, which is read when a process starts, so each is measured
in a process of its own: ViT-B, bf16, 2 clips, median of 7 steps.

    python benchmarks/waiting_threads.py
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence

SETTINGS = ("OMP_WAIT_POLICY=PASSIVE", "", "GOMP_SPINCOUNT=1000", "OMP_WAIT_POLICY=ACTIVE")
"""In the table's order; empty is OpenMP's default."""
MASKINGS = ("dual", "v1")


def measure(size: str, side: int, repeats: int) -> dict[str, float]:
    """Be one of the processes: the median seconds of a step by masking."""
    from videomae2.commands.bench.model import BenchCase, measure_step
    from videomae2.training.runtime import RuntimeConfig, prepare_runtime

    runtime = prepare_runtime(RuntimeConfig(device="cpu", precision="bf16"))
    seconds = {}
    for masking in MASKINGS:
        case = BenchCase(size=size, masking=masking, side=side)  # type: ignore[arg-type]
        seconds[masking] = measure_step(case, runtime, repeats=repeats).median_seconds
    return seconds


def measure_in_process(setting: str, words: Sequence[str]) -> dict[str, float]:
    """Measure in a process that has only this setting."""
    environment = dict(os.environ)
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        environment.pop(name, None)
    if setting:
        name, value = setting.split("=")
        environment[name] = value
    command = [sys.executable, __file__, *words, "--one"]
    process = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(process.stdout)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every setting and print a table."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    options = build_parser().parse_args(args)
    if options.one:
        print(json.dumps(measure(options.size, options.side, options.repeats)))
        return 0
    print("| | dual s/step | v1 s/step |\n|---|---|---|")
    for setting in SETTINGS:
        seconds = measure_in_process(setting, args)
        print(
            f"| {setting or 'not set'} | {seconds['dual']:.3f} | {seconds['v1']:.3f} |", flush=True
        )
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All flags."""
    argument_parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    argument_parser.add_argument("--size", default="base")
    argument_parser.add_argument("--side", type=int, default=224)
    argument_parser.add_argument("--repeats", type=int, default=7)
    argument_parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return argument_parser


if __name__ == "__main__":
    raise SystemExit(main())
