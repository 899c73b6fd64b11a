r"""Does pre-training pay on short videos of your own? By the command line alone, on any list.

For every recipe and seed: pre-training on the training videos, without labels; a ridge probe of its
frozen time slots beside fresh weights and pixels; and fine-tuning from it on a few labels of each
class, beside the same from scratch. From scratch has the best of four learning rates, judged on
groups of the training videos that are held out for it; the pre-trained keep the recipe's. Nothing
is chosen by the test videos, and no step sees them.

Every step is a command of videomae2 in a process of its own, of one thread; as many run side by
side as --processes says. Under --out lie the lists, what each command made and said, and
results.md, results.json and results.png. The same command goes on where it stopped.

    python benchmarks/own_videos.py clips.csv --groups speaker            # a share is the test
    python benchmarks/own_videos.py train.csv test.csv --recipes own-cpu own-cpu-motion
    python benchmarks/own_videos.py clips.csv --filter split=train --filter-test split=test \
        --dry-run
"""

import argparse
import logging
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from own_videos_jobs import Comparison, Job, Settings
from own_videos_pool import JobPool
from own_videos_report import compare_arms, write_report

from videomae2.base.files import atomic_write_text
from videomae2.base.text import format_count, format_duration
from videomae2.commands.bench.machine import describe_machine
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.merge.output import format_list
from videomae2.errors import ConfigError, VideoMAE2Error
from videomae2.inference.probe_data import ProbeData, ProbeListConfig, load_train_test

_logger = logging.getLogger("videomae2.benchmarks.own_videos")

RECIPES = ("own-cpu", "own-cpu-motion")
RATES = (4e-3, 8e-3, 16e-3, 32e-3)
MIN_GROUPS = 3
OUT = Path("runs/own-videos")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print the page, and write it; the exit code as of the command line."""
    options = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout, force=True)
    given = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "benchmarks/own_videos.py", *given])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _compare(options, command)
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 75
    except VideoMAE2Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _compare(options: argparse.Namespace, command: str) -> int:
    config = ProbeListConfig(
        root=options.root,
        filter=options.filter,
        filter_test=options.filter_test,
        groups=options.groups,
        **({} if options.test_share is None else {"test_share": options.test_share}),
    )
    data = load_train_test(options.train, options.test, config, seed=0)
    settings = build_settings(options, data)
    facts = _describe_data(data) | {"command": f"`{command}`"}
    for name, text in facts.items():
        _logger.info(f"{name:8} {text}")
    comparison = Comparison(settings)
    pool = JobPool(settings.out, options.processes, _log_with_time)
    jobs = comparison.list_jobs()
    if options.dry_run:
        _show_plan(jobs, pool)
        return 0
    write_lists(data, settings)
    started = time.monotonic()
    pool.run(jobs)
    _logger.info(f"all      {format_duration(time.monotonic() - started)} by the clock")
    arms, pixels = compare_arms(comparison)
    page = write_report(
        comparison,
        arms,
        pixels,
        title=options.name or options.train.resolve().parent.name,
        facts=facts,
        seconds={job.name: pool.done[job.name]["seconds"] for job in jobs},
        machine=describe_machine(torch.device("cpu")),
        out=options.report or settings.out / "results",
    )
    print(f"\n{page}")
    return 0


def build_settings(options: argparse.Namespace, data: ProbeData) -> Settings:
    """What is compared on these videos.

    Raises:
        ConfigError: It makes no sense, or there are too few groups.
    """
    for name in ("seeds", "rates", "recipes"):
        values = getattr(options, name)
        if not values or len(set(values)) < len(values):
            raise ConfigError(f"--{name} wants one or more, each once")
    groups = _select_sides(data)[0].groups
    num_groups = None if groups is None else len(set(groups))
    if num_groups is not None and num_groups < MIN_GROUPS:
        raise ConfigError(
            f"the training videos are of {format_count(num_groups, 'group')}; wanted {MIN_GROUPS} "
            "or more, so that rates can be judged on some of them"
        )
    return Settings(
        out=options.out,
        recipes=options.recipes,
        seeds=options.seeds,
        labels=options.labels,
        rates=sorted(options.rates),
        steps=options.steps,
        finetune_steps=options.finetune_steps,
        num_groups=num_groups,
    )


def _describe_data(data: ProbeData) -> dict[str, str]:
    facts = {"classes": str(len(data.classes))}
    for name, manifest in zip(("train", "test"), _select_sides(data), strict=True):
        groups = (
            f" of {format_count(len(set(manifest.groups)), 'group')}" if manifest.groups else ""
        )
        facts[name] = f"{format_count(len(manifest), 'video')}{groups}"
    return facts


def _select_sides(data: ProbeData) -> tuple[Manifest, Manifest]:
    test = data.train if data.test is None else data.test
    return data.train.take(data.train_rows), test.take(data.test_rows)


def write_lists(data: ProbeData, settings: Settings) -> None:
    """Write both sides as tables that all commands read alike.

    Raises:
        ConfigError: The lists under the folder are of other videos.
    """
    for path, manifest in zip((settings.train, settings.test), _select_sides(data), strict=True):
        pairs = [(entry, data.classes[entry.label or 0]) for entry in manifest]
        text = format_list(pairs, manifest.groups)
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise ConfigError(f"{path} lists other videos; choose another --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(path, text)


def _show_plan(jobs: Sequence[Job], pool: JobPool) -> None:
    """Every command in the order in which it would best begin."""
    print(f"steps    {len(jobs)}, {pool.processes} side by side, of one thread each")
    for job in jobs:
        state = "is done" if pool.is_done(job) else f"after {', '.join(job.after) or 'nothing'}"
        print(f"{job.name}: {state}")
        for words in job.commands():
            print(f"    {shlex.join(['videomae2', *words])}")


def _log_with_time(text: str) -> None:
    _logger.info(f"{time.strftime('%H:%M:%S')} {text}")


def build_parser() -> argparse.ArgumentParser:
    """All arguments."""
    described = (__doc__ or "").split("\n\n    python")
    argument_parser = argparse.ArgumentParser(
        description=described[0],
        epilog=f"    python{described[1]}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = argument_parser.add_argument
    add("train", type=Path, help="labelled videos: a folder per class, a list or a table")
    add("test", type=Path, nargs="?", help="likewise; a share of TRAIN if not given")
    add("--root", type=Path, help="put before the paths that a list names")
    add("--filter", help="rows of a table to train on, as split=train")
    add("--filter-test", help="rows of the test table, or of TRAIN, to test on")
    add("--groups", help="what must not be parted: a column, folder, or a pattern of paths")
    add("--test-share", type=float, help="of TRAIN, where no test is given (0.2)")
    add("--recipes", nargs="+", default=["own-cpu-motion"], choices=RECIPES)
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--labels", type=int, default=20, help="labels of each class (%(default)s)")
    add("--rates", type=float, nargs="+", default=RATES, help="from scratch, for 256 videos")
    add("--steps", type=int, help="of pre-training; the recipe's if not given")
    add("--finetune-steps", type=int, default=300, help="(%(default)s)")
    add("--processes", type=int, default=2, help="commands side by side (%(default)s)")
    add("--out", type=Path, default=OUT, help="where everything is written (%(default)s)")
    add("--report", type=Path, help="page, picture and numbers: NAME for NAME.md, .png and .json")
    add("--name", help="what the page calls the data; its folder's name if not given")
    add("--dry-run", action="store_true", help="check the data and show every command")
    return argument_parser


if __name__ == "__main__":
    raise SystemExit(main())
