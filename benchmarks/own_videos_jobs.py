"""The commands of the comparison, and what each waits for."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRETRAINED, SCRATCH = "pretrained", "scratch"
RATE = "RATE"
"""Stands in a plan for a learning rate that is not chosen yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What is compared."""

    out: Path
    recipes: Sequence[str]
    seeds: Sequence[int]
    labels: int
    """Labelled videos of each class."""
    rates: Sequence[float]
    """From scratch, for 256 videos."""
    steps: int | None
    """Of pre-training; the recipe's own if None."""
    finetune_steps: int
    num_groups: int | None
    """Of the training videos; None where nothing says what belongs together."""

    @property
    def train(self) -> Path:
        return self.out / "lists" / "train.csv"

    @property
    def test(self) -> Path:
        return self.out / "lists" / "test.csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A few commands, one after another."""

    name: str
    commands: Callable[[], list[list[str]]]
    """Words of each; asked for when all that is waited for is done."""
    after: Sequence[str] = ()


class Comparison:
    """Which commands there are, in the order in which they would best begin."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def list_jobs(self) -> list[Job]:
        """Pre-training first, which takes longest."""
        recipes, seeds = self.settings.recipes, self.settings.seeds
        jobs = [self._pretrain(recipe, seed) for recipe in recipes for seed in seeds]
        for recipe in recipes:
            jobs += [self._search(recipe, rate) for rate in self._searched()]
            jobs += [self._finetune(recipe, seed, SCRATCH) for seed in seeds]
        for recipe in recipes:
            for seed in seeds:
                jobs += [self._finetune(recipe, seed, PRETRAINED), self._probe(recipe, seed)]
        return jobs

    def choose_rate(self, recipe: str) -> float:
        """The rate from scratch that is best on what is held out; the first of equals.

        Raises:
            OSError: It has not been searched yet.
        """
        found = self.load_search(recipe)
        return max(found, key=lambda rate: found[rate]) if found else self.settings.rates[0]

    def load_search(self, recipe: str) -> dict[float, float]:
        """Held-out accuracy by rate."""
        return {
            rate: self.load_output(f"{recipe}/search-rate{rate:g}")["model"]["validation"][
                "accuracy"
            ]
            for rate in self._searched()
        }

    def load_output(self, name: str) -> dict[str, Any]:
        """What the last command of a job printed."""
        text = (self.settings.out / f"{name}.stdout").read_text(encoding="utf-8")
        output: dict[str, Any] = json.loads(text.splitlines()[-1])
        return output

    def load_hits(self, recipe: str, arm: str, seed: int) -> dict[str, float]:
        """1 or 0 for each test video, by fine-tuning."""
        path = self.settings.out / recipe / f"evaluation-{arm}-seed{seed}" / "predictions.jsonl"
        lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return {line["video"]: float(line["is_correct"]) for line in lines}

    def _searched(self) -> Sequence[float]:
        return self.settings.rates if len(self.settings.rates) > 1 else ()

    def _pretrain(self, recipe: str, seed: int) -> Job:
        settings = self.settings
        command = ["pretrain", recipe, str(settings.train), "--seed", str(seed)]
        command += ["--out", str(self._folder(recipe, f"pretrain-seed{seed}"))]
        if settings.steps is not None:
            command += _length(settings.steps, warmup=0.05)
        return Job(name=f"{recipe}/pretrain-seed{seed}", commands=lambda: [command])

    def _search(self, recipe: str, rate: float) -> Job:
        steps, name = self.settings.finetune_steps, f"search-rate{rate:g}"
        command = self._build_finetune(recipe, name, self.settings.seeds[0], f"{rate:g}")
        command += ["--validation.interval", str(steps), "--json"]
        return Job(name=f"{recipe}/{name}", commands=lambda: [command])

    def _finetune(self, recipe: str, seed: int, arm: str) -> Job:
        """Fine-tune on all training groups, keep the last model, and evaluate it."""
        settings, name = self.settings, f"finetune-{arm}-seed{seed}"
        run = str(self._folder(recipe, name))
        judged = str(self._folder(recipe, f"evaluation-{arm}-seed{seed}"))
        evaluation = ["evaluate", run, str(settings.test), "--out", judged, "--json"]

        def build() -> list[list[str]]:
            rate = None
            if arm == SCRATCH:
                try:
                    rate = f"{self.choose_rate(recipe):g}"
                except OSError:
                    rate = RATE
            command = self._build_finetune(recipe, name, seed, rate)
            command += ["--validation.share", "0"]
            if arm == PRETRAINED:
                weights = self._folder(recipe, f"pretrain-seed{seed}")
                command += ["--init.weights", str(weights)]
            return [command, evaluation]

        after = [f"{recipe}/pretrain-seed{seed}"]
        if arm == SCRATCH:
            after = [f"{recipe}/search-rate{rate:g}" for rate in self._searched()]
        return Job(name=f"{recipe}/{name}", commands=build, after=after)

    def _probe(self, recipe: str, seed: int) -> Job:
        """Probe time slots; pixels are the same for all seeds and are probed once."""
        settings = self.settings
        pixels = ["pixels"] if seed == settings.seeds[0] else []
        command = [
            *("probe", str(self._folder(recipe, f"pretrain-seed{seed}"))),
            *(str(settings.train), str(settings.test), "--methods", "ridge"),
            *("--poolings", "slots", "--baselines", "random", *pixels),
            *("--seed", str(seed), "--cache-dir", str(settings.out / "features"), "--json"),
        ]
        if settings.num_groups is not None:
            command += ["--groups", "group", "--folds", str(min(5, settings.num_groups))]
        name = f"{recipe}/probe-seed{seed}"
        return Job(name=name, commands=lambda: [command], after=[f"{recipe}/pretrain-seed{seed}"])

    def _build_finetune(self, recipe: str, name: str, seed: int, rate: str | None) -> list[str]:
        settings = self.settings
        command = ["finetune", recipe, str(settings.train), "--seed", str(seed)]
        command += ["--out", str(self._folder(recipe, name))]
        command += ["--labels.max-per-class", str(settings.labels)]
        command += _length(settings.finetune_steps, warmup=0.1)
        if settings.num_groups is not None:
            command += ["--labels.groups", "group"]
        return command if rate is None else [*command, "--optim.lr", rate]

    def _folder(self, recipe: str, name: str) -> Path:
        return self.settings.out / recipe / name


def _length(steps: int, *, warmup: float) -> list[str]:
    warmup_steps = str(round(warmup * steps))
    return ["--optim.steps", str(steps), "--optim.warmup-steps", warmup_steps]
