"""Probes of tiny videos on the CPU, and what they read."""

from dataclasses import replace

from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import quiet
from videomae2.commands.probe.config import ProbeSettings
from videomae2.commands.probe.plan import prepare_probe
from videomae2.commands.probe.run import run_probe
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.workers.pool import Pool

SETTINGS = ProbeSettings(
    methods=("knn",), ks=(1, 3), l2=(1e-2, 1.0), folds=3,
    reading=ReadingConfig(num_workers=0), device="cpu", precision="fp32",
)  # fmt: skip


def run(place, cache, *, test="test", clips=None, lists=None, log=quiet, **changed):
    with logging_to(log):
        return probed(
            place / "model",
            place / "train",
            None if test is None else place / test,
            clips=clips,
            list_config=lists,
            settings=replace(SETTINGS, cache_dir=cache, **changed),
        )


def probed(*words, **how):
    return run_probe(prepare_probe(*words, **how))


def counted_reads(monkeypatch):
    """Count the videos that are read from here on."""
    seen, whole = [], Pool.map

    def count(pool, requests):
        for answer in whole(pool, requests):
            seen.append(answer.request.path)
            yield answer

    monkeypatch.setattr(Pool, "map", count)
    return seen
