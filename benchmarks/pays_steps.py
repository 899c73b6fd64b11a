"""The steps of the comparison in order; each is a run folder that goes on where it stopped."""

import json
import logging
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from pays_data import DataSplit, write_list
from pays_runs import (
    ComparisonSettings,
    build_evaluate_config,
    build_finetune_run,
    build_pretrain_run,
)

from videomae2.base.files import atomic_write
from videomae2.base.text import format_duration
from videomae2.commands.evaluate.run import evaluate
from videomae2.commands.train.finetune import finetune
from videomae2.commands.train.pretrain import pretrain
from videomae2.commands.train.validation import rank_metrics
from videomae2.config.checks import check_run
from videomae2.config.runs import FinetuneRun, PretrainRun
from videomae2.metrics.bootstrap import Interval
from videomae2.models.weights.config_json import SavedClassifierConfig, load_model_config_of
from videomae2.training.logger import METRICS_FILE

_logger = logging.getLogger("videomae2.benchmarks.pretraining_pays")

_TIMES = "seconds.json"
_LAST_STEPS = 100

SCRATCH, PRETRAINED = "from scratch", "pre-trained"
ARMS = (SCRATCH, PRETRAINED)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonPlan:
    """What is compared."""

    protocol: DataSplit
    settings: ComparisonSettings
    out: Path
    seeds: Sequence[int]
    shares: Sequence[int]
    """Labelled videos of each class; 0 for all."""
    rates: Sequence[float]
    """Peak learning rates that are tried, for 256 views, rising."""
    mixed: dict[str, Path]
    """Other videos for pre-training."""

    @property
    def steps(self) -> int:
        """How many there are."""
        searched = len(self.rates) if len(self.rates) > 1 else 0
        each = len(ARMS) * (searched + len(self.seeds))
        return len(self.seeds) + len(self.shares) * each


@dataclass(frozen=True, slots=True)
class RateSearch:
    """How well each rate did on the validation speakers."""

    share: int
    arm: str
    metrics: dict[float, dict[str, float]]
    best: float

    @property
    def at_edge(self) -> bool:
        """The best rate is the lowest or highest tried, so a better one may lie beyond."""
        return self.best in (min(self.metrics), max(self.metrics))


@dataclass(frozen=True, slots=True)
class TestResult:
    """How well a classifier did on the test."""

    share: int
    arm: str
    seed: int
    rate: float
    accuracy: Interval
    hits: dict[Hashable, float]
    """1 or 0 by the path of the video, as the evaluation names it."""


@dataclass(slots=True)
class Findings:
    """All that was found."""

    losses: dict[int, float] = field(default_factory=dict)
    """Mean pre-training loss of the last steps, by seed."""
    searches: list[RateSearch] = field(default_factory=list)
    test_results: list[TestResult] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """What each step took, by its name; over all calls."""


class ComparisonSteps:
    """Does them, and says which is being done."""

    def __init__(self, plan: ComparisonPlan) -> None:
        self.plan = plan
        self.findings = Findings()
        times = plan.out / _TIMES
        self._earlier_seconds = json.loads(times.read_text()) if times.exists() else {}
        self._num_done = 0
        self._lists = plan.out / "lists"

    def run(self) -> Findings:
        """Do all steps.

        Raises:
            VideoMAE2Error: As the jobs; Interrupted when asked to stop, after saving.
        """
        plan, protocol = self.plan, self.plan.protocol
        write_list(self._lists / "unlabelled.csv", protocol.unlabelled, labels=False)
        write_list(self._lists / "validation.csv", protocol.list_validation())
        write_list(self._lists / "test.csv", protocol.test)
        for share in plan.shares:
            for seed in plan.seeds:
                self._write_labelled(share, seed, search=False)
            self._write_labelled(share, plan.seeds[0], search=True)
        self._check()
        for seed in plan.seeds:
            self._pretrain(seed)
        for share in plan.shares:
            rates = {arm: self._search(share, arm) for arm in ARMS}
            for seed in plan.seeds:
                for arm in ARMS:
                    self._test(share, arm, seed, rates[arm])
        return self.findings

    def _check(self) -> None:
        """Find what cannot work before the first step."""
        plan, seed = self.plan, self.plan.seeds[0]
        check_run(self._build_pretrain_run(seed))
        for share in plan.shares:
            check_run(self._build_finetune_run("search", share, SCRATCH, seed, plan.rates[0]))

    def _pretrain(self, seed: int) -> None:
        run = self._build_pretrain_run(seed)
        with self._step(run.output_dir.name):
            pretrain(run)
        lines = (run.output_dir / METRICS_FILE).read_text().splitlines()
        losses = [json.loads(line).get("loss") for line in lines[-_LAST_STEPS:]]
        self.findings.losses[seed] = fmean(loss for loss in losses if loss is not None)

    def _search(self, share: int, arm: str) -> float:
        """The rate that is best on the validation speakers, in a run like those that are judged."""
        plan, metrics = self.plan, {}
        if len(plan.rates) == 1:
            return plan.rates[0]
        for rate in plan.rates:
            run = self._build_finetune_run("search", share, arm, plan.seeds[0], rate)
            with self._step(run.output_dir.name):
                best_model = finetune(run)
            metadata = load_model_config_of(SavedClassifierConfig, best_model).metadata
            metrics[rate] = metadata["validation"]
        best = max(metrics, key=lambda rate: rank_metrics(metrics[rate]))
        self.findings.searches.append(RateSearch(share, arm, metrics, best))
        _logger.info(f"rate     {arm}: {best:g} is best on the validation speakers")
        return best

    def _test(self, share: int, arm: str, seed: int, rate: float) -> None:
        """Fine-tune on the labelled share of all training speakers, and test."""
        run = self._build_finetune_run("finetune", share, arm, seed, rate)
        config = build_evaluate_config(self.plan.settings, self.plan.protocol.root)
        with self._step(run.output_dir.name):
            finetune(run)
            evaluation = evaluate(run.output_dir, self._lists / "test.csv", config=config)
        _, accuracy = evaluation.metrics.main
        hits: dict[Hashable, float] = {
            video.video: float(video.is_correct) for video in evaluation.metrics.videos
        }
        self.findings.test_results.append(TestResult(share, arm, seed, rate, accuracy, hits))
        _logger.info(f"accuracy {accuracy} {arm}")

    def _build_pretrain_run(self, seed: int) -> PretrainRun:
        plan = self.plan
        return build_pretrain_run(
            plan.settings,
            self._lists / "unlabelled.csv",
            plan.mixed,
            root=plan.protocol.root,
            out=plan.out / f"pretrain-seed{seed}",
            seed=seed,
        )

    def _build_finetune_run(
        self, step: str, share: int, arm: str, seed: int, rate: float
    ) -> FinetuneRun:
        """A run whose folder is named after all that may change from one call to the next."""
        plan, is_search = self.plan, step == "search"
        name = f"{step}-{share or 'all'}-{arm.replace(' ', '-')}-rate{rate:g}-seed{seed}"
        return build_finetune_run(
            plan.settings,
            self._write_labelled(share, seed, search=is_search),
            rate=rate,
            init_weights=plan.out / f"pretrain-seed{seed}" if arm == PRETRAINED else None,
            validation_list=self._lists / "validation.csv" if is_search else None,
            root=plan.protocol.root,
            out=plan.out / name,
            seed=seed,
        )

    def _write_labelled(self, share: int, seed: int, *, search: bool) -> Path:
        name = f"{'search' if search else 'labelled'}-{share or 'all'}-seed{seed}.csv"
        videos = self.plan.protocol.draw_labelled(share, seed, search=search)
        return write_list(self._lists / name, videos)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        """Say what begins, and keep what it took, also if it stops halfway."""
        self._num_done += 1
        times, started = self.findings.seconds, time.perf_counter()
        so_far = format_duration(sum(times.values(), 0.0))
        _logger.info(f"\n== step {self._num_done} of {self.plan.steps}: {name} ({so_far} so far)")
        try:
            yield
        finally:
            times[name] = self._earlier_seconds.get(name, 0.0) + time.perf_counter() - started
            with atomic_write(self.plan.out / _TIMES) as partial:
                partial.write_text(json.dumps(self._earlier_seconds | times, indent=1) + "\n")
