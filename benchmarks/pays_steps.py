"""The steps of the comparison in order; each is a run folder that goes on where it stopped."""

import json
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

from pays_findings import ARMS, PRETRAINED, Findings, Judged, Plan, Searched
from pays_lists import write_list
from pays_runs import evaluating, finetuning, pretraining

from videomae2.config import FinetuneRun, PretrainRun, check
from videomae2.engine.runlog import METRICS_FILE, duration, to_terminal
from videomae2.jobs.evaluate import evaluate
from videomae2.jobs.finetune import finetune
from videomae2.jobs.measures import Measured
from videomae2.jobs.pretrain import pretrain
from videomae2.jobs.whole_files import written_whole
from videomae2.models.cards import ClassifierCard, read_card_of

_TIMES = "seconds.json"
_LAST_STEPS = 100

Say = Callable[[str], None]


class Steps:
    """Does them, and says which is being done."""

    def __init__(self, plan: Plan, say: Say = to_terminal) -> None:
        self.plan, self.say = plan, say
        self.findings = Findings()
        self._before = _read_times(plan.out / _TIMES)
        self._done = 0
        self._lists = plan.out / "lists"

    def run(self) -> Findings:
        """Do all steps.

        Raises:
            VideoMAE2Error: As the jobs; Interrupted when asked to stop, after saving.
        """
        plan, protocol = self.plan, self.plan.protocol
        write_list(self._lists / "unlabelled.csv", protocol.unlabelled, labels=False)
        write_list(self._lists / "validation.csv", protocol.held_out())
        write_list(self._lists / "test.csv", protocol.test)
        for share in plan.shares:
            for seed in plan.seeds:
                self._labelled(share, seed, search=False)
            self._labelled(share, plan.seeds[0], search=True)
        self._check()
        for seed in plan.seeds:
            self._pretrain(seed)
        for share in plan.shares:
            rates = {arm: self._search(share, arm) for arm in ARMS}
            for seed in plan.seeds:
                for arm in ARMS:
                    self._judge(share, arm, seed, rates[arm])
        return self.findings

    def _check(self) -> None:
        """Find what cannot work before the first step."""
        plan, seed = self.plan, self.plan.seeds[0]
        check(self._pretraining(seed))
        for share in plan.shares:
            check(self._finetuning("check", share, seed, plan.rates[0], start=None, search=True))

    def _pretrain(self, seed: int) -> None:
        run = self._pretraining(seed)
        with self._step(run.record.out.name):
            pretrain(run, say=self.say)
        lines = (run.record.out / METRICS_FILE).read_text().splitlines()
        losses = [json.loads(line).get("loss") for line in lines[-_LAST_STEPS:]]
        self.findings.losses[seed] = fmean(loss for loss in losses if loss is not None)

    def _pretraining(self, seed: int) -> PretrainRun:
        plan = self.plan
        return pretraining(
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
        found = {}
        for rate in plan.rates:
            name = f"search-{_name(share, arm, rate, seed)}"
            run = self._finetuning(
                name, share, seed, rate, start=self._start(arm, seed), search=True
            )
            with self._step(name):
                best = finetune(run, say=self.say)
            found[rate] = Measured(read_card_of(ClassifierCard, best).notes["validation"])
        searched = Searched(share, arm, found, max(found, key=lambda rate: found[rate].rank))
        self.findings.searched.append(searched)
        self.say(f"rate     {arm}: {searched.best:g} is best on the validation speakers")
        return searched.best

    def _judge(self, share: int, arm: str, seed: int, rate: float) -> None:
        """Fine-tune on the labelled share of all training speakers, and test."""
        plan = self.plan
        name = f"finetune-{_name(share, arm, rate, seed)}"
        run = self._finetuning(name, share, seed, rate, start=self._start(arm, seed), search=False)
        with self._step(name):
            finetune(run, say=self.say)
            tested = evaluate(
                run.record.out,
                self._lists / "test.csv",
                config=evaluating(plan.settings, plan.protocol.root),
                say=self.say,
            )
        _, accuracy = tested.measures.main
        hits: dict[Hashable, float] = {
            video.video: float(video.right) for video in tested.measures.videos
        }
        self.findings.judged.append(Judged(share, arm, seed, rate, accuracy, hits))
        self.say(f"accuracy {accuracy} {arm}")

    def _start(self, arm: str, seed: int) -> Path | None:
        return self.plan.out / f"pretrain-seed{seed}" if arm == PRETRAINED else None

    def _finetuning(
        self, name: str, share: int, seed: int, rate: float, *, start: Path | None, search: bool
    ) -> FinetuneRun:
        plan = self.plan
        return finetuning(
            plan.settings,
            self._labelled(share, seed, search=search),
            rate=rate,
            start=start,
            held_out=self._lists / "validation.csv" if search else None,
            root=plan.protocol.root,
            out=plan.out / name,
            seed=seed,
        )

    def _labelled(self, share: int, seed: int, *, search: bool) -> Path:
        name = f"{'search' if search else 'labelled'}-{share or 'all'}-seed{seed}.csv"
        videos = self.plan.protocol.labelled(share, seed, search=search)
        return write_list(self._lists / name, videos)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        """Say what begins, and keep what it took, also if it stops halfway."""
        self._done += 1
        times, started = self.findings.seconds, time.perf_counter()
        so_far = duration(sum(times.values(), 0.0))
        self.say(f"\n== step {self._done} of {self.plan.steps}: {name} ({so_far} so far)")
        try:
            yield
        finally:
            times[name] = self._before.get(name, 0.0) + time.perf_counter() - started
            with written_whole(self.plan.out / _TIMES) as partial:
                partial.write_text(json.dumps(self._before | times, indent=1) + "\n")


def _name(share: int, arm: str, rate: float, seed: int) -> str:
    """Part of a folder's name with all that may change from one call to the next."""
    return f"{share or 'all'}-{arm.replace(' ', '-')}-rate{rate:g}-seed{seed}"


def _read_times(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    times: dict[str, float] = json.loads(path.read_text())
    return times
