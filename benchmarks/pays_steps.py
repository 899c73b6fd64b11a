"""The steps of the comparison in order; each is a run folder that goes on where it stopped."""

import json
import logging
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

from pays_findings import ARMS, PRETRAINED, ComparisonPlan, Findings, RateSearch, TestResult
from pays_lists import write_list
from pays_runs import build_evaluate_config, build_finetune_run, build_pretrain_run

from videomae2.base.files import atomic_write
from videomae2.base.text import format_duration
from videomae2.commands.evaluate.run import evaluate
from videomae2.commands.train.finetune import finetune
from videomae2.commands.train.pretrain import pretrain
from videomae2.commands.train.validation import ValidationMetrics
from videomae2.config.checks import check_run
from videomae2.config.runs import FinetuneRun, PretrainRun
from videomae2.models.weights.config_json import SavedClassifierConfig, load_model_config_of
from videomae2.training.logger import METRICS_FILE

_logger = logging.getLogger("videomae2.benchmarks.pretraining_pays")

_TIMES = "seconds.json"
_LAST_STEPS = 100


class ComparisonSteps:
    """Does them, and says which is being done."""

    def __init__(self, plan: ComparisonPlan) -> None:
        self.plan = plan
        self.findings = Findings()
        self._earlier_seconds = _load_times(plan.out / _TIMES)
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
            check_run(
                self._build_finetune_run(
                    "check", share, seed, plan.rates[0], init_weights=None, search=True
                )
            )

    def _pretrain(self, seed: int) -> None:
        run = self._build_pretrain_run(seed)
        with self._step(run.output_dir.name):
            pretrain(run)
        lines = (run.output_dir / METRICS_FILE).read_text().splitlines()
        losses = [json.loads(line).get("loss") for line in lines[-_LAST_STEPS:]]
        self.findings.losses[seed] = fmean(loss for loss in losses if loss is not None)

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

    def _search(self, share: int, arm: str) -> float:
        """The rate that is best on the validation speakers, in a run like those that are judged."""
        plan, seed = self.plan, self.plan.seeds[0]
        if len(plan.rates) == 1:
            return plan.rates[0]
        metrics = {}
        for rate in plan.rates:
            name = f"search-{_format_name(share, arm, rate, seed)}"
            run = self._build_finetune_run(
                name,
                share,
                seed,
                rate,
                init_weights=self._find_init_weights(arm, seed),
                search=True,
            )
            with self._step(name):
                best = finetune(run)
            metrics[rate] = ValidationMetrics(
                load_model_config_of(SavedClassifierConfig, best).metadata["validation"]
            )
        search_result = RateSearch(
            share, arm, metrics, max(metrics, key=lambda rate: metrics[rate].rank)
        )
        self.findings.searches.append(search_result)
        _logger.info(f"rate     {arm}: {search_result.best:g} is best on the validation speakers")
        return search_result.best

    def _test(self, share: int, arm: str, seed: int, rate: float) -> None:
        """Fine-tune on the labelled share of all training speakers, and test."""
        plan = self.plan
        name = f"finetune-{_format_name(share, arm, rate, seed)}"
        run = self._build_finetune_run(
            name, share, seed, rate, init_weights=self._find_init_weights(arm, seed), search=False
        )
        with self._step(name):
            finetune(run)
            evaluation = evaluate(
                run.output_dir,
                self._lists / "test.csv",
                config=build_evaluate_config(plan.settings, plan.protocol.root),
            )
        _, accuracy = evaluation.metrics.main
        hits: dict[Hashable, float] = {
            video.video: float(video.is_correct) for video in evaluation.metrics.videos
        }
        self.findings.test_results.append(TestResult(share, arm, seed, rate, accuracy, hits))
        _logger.info(f"accuracy {accuracy} {arm}")

    def _find_init_weights(self, arm: str, seed: int) -> Path | None:
        return self.plan.out / f"pretrain-seed{seed}" if arm == PRETRAINED else None

    def _build_finetune_run(
        self,
        name: str,
        share: int,
        seed: int,
        rate: float,
        *,
        init_weights: Path | None,
        search: bool,
    ) -> FinetuneRun:
        plan = self.plan
        return build_finetune_run(
            plan.settings,
            self._write_labelled(share, seed, search=search),
            rate=rate,
            init_weights=init_weights,
            validation_list=self._lists / "validation.csv" if search else None,
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


def _format_name(share: int, arm: str, rate: float, seed: int) -> str:
    """Part of a folder's name with all that may change from one call to the next."""
    return f"{share or 'all'}-{arm.replace(' ', '-')}-rate{rate:g}-seed{seed}"


def _load_times(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    times: dict[str, float] = json.loads(path.read_text())
    return times
