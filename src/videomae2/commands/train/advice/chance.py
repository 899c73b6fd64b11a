"""Training that after a third of its steps is no better than always the same class: said once.

Clips or videos that are right are held against the share of the largest class by Wilson's binomial
interval. Where it leaves open whether much was learnt, as of few videos, nothing is said.
"""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from videomae2.commands.train.datasets import TrainValData
from videomae2.config.runs import FinetuneRun
from videomae2.data.loading.labels import LabelledData
from videomae2.metrics.bootstrap import wilson_interval
from videomae2.training.loop import Callback, CallbackContext
from videomae2.training.metrics_buffer import LogWindow, StepRecord

_logger = logging.getLogger(__name__)


def is_at_chance(hits: int, count: int, chance: float) -> bool:
    """Whether a share of right answers is that of chance, as far as can be told.

    The interval has to hold chance, and to leave out the middle between chance and perfection.
    """
    if count == 0:
        return False
    interval = wilson_interval(hits, count)
    return interval.low <= chance and interval.high < (1 + chance) / 2


@dataclass(slots=True)
class ChanceCheck(Callback):
    """Looks at the accuracy of training and of validation after a third of the steps."""

    run: FinetuneRun
    videos: TrainValData
    _records: deque[StepRecord] = field(default_factory=deque)
    _third: int = 0
    _judged_step: int = 0
    """After which training is judged: a third, or later where the run resumed just before it."""
    _is_done: bool = False

    def attach(self, context: CallbackContext) -> None:
        self._third = max(1, context.steps // 3)
        self._is_done = context.first_step >= self._third
        self._judged_step = max(self._third, context.first_step + self._window)

    @property
    def _window(self) -> int:
        """Steps whose clips are counted."""
        return max(1, self._third // 2)

    def on_log(self, window: LogWindow) -> None:
        """Judge the last clips before the third is over."""
        for record in () if self._is_done else window.records:
            self._records.append(record)
            if len(self._records) > self._window:
                self._records.popleft()
            if record.step + 1 == self._judged_step:
                self._judge_training()

    def _judge_training(self) -> None:
        views = self.run.data.views  # of a clip are alike, and count once
        records = [r for r in self._records if not r.skipped]
        counts = [r.num_clips // views - r.num_unreadable for r in records]
        shares = [r.metrics["accuracy"] for r in records]
        count, hits = sum(counts), round(float(np.dot(counts, shares)))
        chance = find_chance(self.videos.train)
        if is_at_chance(hits, count, chance):
            self._say(
                f"training stands at chance after {self._judged_step} steps: {hits} of the last "
                f"{count} clips are right, and {chance:.1%} are of the largest class. Try "
                f"a third or three times --optim.lr {self.run.optim.lr:g}, pre-trained weights "
                f"(--init.weights), less augmentation (--augment.rand-augment.num-ops 0, "
                f"--augment.mix.prob 0), clips over the whole video "
                f"(--data.sources.0.frame-sampling whole); and look whether labels fit the videos"
            )

    def see_validation(self, step: int, metrics: Mapping[str, float], num_videos: int) -> None:
        """Judge the first look at held-out videos after a third of the steps."""
        if self._is_done or step < self._third or self.videos.val is None:
            return
        chance, accuracy = find_chance(self.videos.val), metrics["accuracy"]
        if is_at_chance(round(accuracy * num_videos), num_videos, chance):
            self._say(
                f"validation stands at chance after {step} steps: {accuracy:.1%} of "
                f"{num_videos} held-out videos are right, and {chance:.1%} are of the largest "
                f"class. Where training is better, the model knows its videos by heart: try "
                f"pre-trained weights (--init.weights), more videos or stronger crops "
                f"(--data.crop.scale); and look whether both parts show the same things"
            )
        elif step >= self._judged_step:
            self._is_done = True

    def _say(self, message: str) -> None:
        self._is_done = True
        _logger.warning(message)


def find_chance(videos: LabelledData) -> float:
    """The share of the largest class: what always the same answer comes to."""
    counts = np.bincount(np.concatenate(videos.targets))
    return float(counts.max() / counts.sum())
