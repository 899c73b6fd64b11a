"""Clips a second of the loader by epoch: decoded videos kept in memory, and decoded anew.

The loader of `videomae2 pretrain own-cpu-motion`, with nobody who learns from its batches; both
kinds in turn. Their batches must be the same to the bit. With --num-workers 0 everything happens in
one process, whose CPU time is shown as well: that counts where other work shares the cores.

    python benchmarks/cached_reading.py my_videos/
    python benchmarks/cached_reading.py my_videos/ --num-workers 0 --rounds 3
"""

import argparse
import hashlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from videomae2.base.text import align_columns
from videomae2.commands.bench.machine import describe_machine
from videomae2.config.runs import PretrainRun
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.loader import BatchSchedule, Loader
from videomae2.data.loading.quarantine import Quarantine
from videomae2.data.loading.sources import Cache, load_manifests
from videomae2.recipes.own_cpu import own_cpu_motion

BATCH_SIZE = 32
CACHES: tuple[Cache, ...] = ("off", "auto")


def iterate_epochs(
    run: PretrainRun, cache: Cache, *, epochs: int, num_workers: int
) -> Iterator[tuple[float, float, str]]:
    """Clips a second by the clock and by this process's CPU time, and a digest, of each epoch."""
    data = replace(run.data, cache=cache)
    manifests = load_manifests(data)
    steps = sum(map(len, manifests)) // BATCH_SIZE
    schedule = BatchSchedule(
        global_batch_size=BATCH_SIZE,
        micro_batch_size=BATCH_SIZE,
        first_step=0,
        num_steps=epochs * steps,
    )
    with Loader(
        manifests,
        data,
        run.reading,
        run.model.encoder.cubes,
        schedule,
        seed=0,
        quarantine=Quarantine(None, manifests, max_share=data.max_unreadable_share),
        num_workers=num_workers,
        pin=False,
    ) as loader:
        batches = iter(loader)
        for _ in range(epochs):
            started, cpu_started, content = time.perf_counter(), time.process_time(), b""
            for _ in range(steps):
                content += digest(next(batches))
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
            clips = steps * BATCH_SIZE
            yield clips / seconds, clips / cpu_seconds, hashlib.sha256(content).hexdigest()


def digest(batch: CPUBatch) -> bytes:
    """What is in a batch, in few bytes."""
    content = hashlib.sha256(repr((batch.keys, batch.paths)).encode())
    for sample in filter(None, batch.samples):
        content.update(sample.pixels.numpy().tobytes())
        content.update(repr((sample.frame_index.tolist(), sample.boxes, sample.flips)).encode())
    return content.digest()


def main() -> None:
    """Read, compare, and print a table."""
    arguments = build_parser().parse_args()
    run = own_cpu_motion([arguments.videos], Path("unused"))
    rates: dict[Cache, list[list[tuple[float, float]]]] = {cache: [] for cache in CACHES}
    digests = set[tuple[str, ...]]()
    for _ in range(arguments.rounds):
        for cache in CACHES:
            epochs = list(
                iterate_epochs(
                    run, cache, epochs=arguments.epochs, num_workers=arguments.num_workers
                )
            )
            rates[cache].append([(clock, cpu) for clock, cpu, _ in epochs])
            digests.add(tuple(content for _, _, content in epochs))
    assert len(digests) == 1, "the batches differ"
    print(describe_machine(torch.device("cpu")))
    rows = []
    for epoch in range(arguments.epochs):
        row = [f"{epoch + 1}"]
        for cache in CACHES:
            for kind in range(1 + (arguments.num_workers == 0)):
                values = [rounds[epoch][kind] for rounds in rates[cache]]
                row.append(f"{statistics.median(values):.0f}")
        rows.append(row)
    kinds = ("", " (CPU)") if arguments.num_workers == 0 else ("",)
    head = ["epoch", *(f"{cache}, clips/s{kind}" for cache in CACHES for kind in kinds)]
    print(align_columns(head, rows))


def build_parser() -> argparse.ArgumentParser:
    """The flags of this program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--num-workers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    return parser


if __name__ == "__main__":
    main()
