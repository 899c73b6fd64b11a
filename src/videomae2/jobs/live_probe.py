"""A quick k-NN and linear probe of an encoder while it is trained; no step comes out otherwise.

Axes: videos; frames, height, width, channels; dim.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from videomae2.config import PretrainRun, ProbeConfig
from videomae2.data.loading import TRIES
from videomae2.data.manifest import Manifest
from videomae2.data.pool import Pool
from videomae2.data.view_reading import READ_VIEWS, GridShape, ViewsRequest
from videomae2.engine.loop import Plan
from videomae2.engine.runlog import METRICS_FILE
from videomae2.engine.runtime import Runtime
from videomae2.errors import DataError, VideoError
from videomae2.jobs.probe.encoding import read_videos
from videomae2.jobs.probe.lists import Lists, read_lists
from videomae2.jobs.probe.settings import ListSettings
from videomae2.jobs.probe.spans import grid_shape
from videomae2.jobs.trainer import reading_processes
from videomae2.jobs.work import Watch, Watching
from videomae2.models.cards import ClipSpan
from videomae2.models.encoder import VideoEncoder
from videomae2.tasks.pretrain import PretrainTask
from videomae2.tensors import grid, neighbours, pixels
from videomae2.tensors.accuracy import top_k_accuracy
from videomae2.tensors.ridge import fit_ridge
from videomae2.tensors.scaling import Scaling

_CLIPS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Slice:
    """Clips in memory and their classes."""

    clips: UInt8[Tensor, "videos frames height width channels"]
    labels: Int64[np.ndarray, " videos"]


def probe_lists(probe: ProbeConfig) -> Lists:
    """Read the labelled lists, and take no more of them than is wanted.

    Raises:
        ManifestError, DataError: A list cannot be used.
    """
    assert probe.videos is not None
    settings = ListSettings(layout=probe.layout, root=probe.root)
    # seed 0: runs of any seed are probed with the same videos
    return read_lists(probe.videos, probe.test, settings, seed=0, most=probe.most)


def describe_probe(run: PretrainRun) -> list[str]:
    """Say in a line what is probed; nothing if nothing is.

    Raises:
        ManifestError, DataError: A list cannot be used.
    """
    if not run.probe.is_on:
        return []
    lists = probe_lists(run.probe)
    return [
        f"probe    every {run.probe.every} steps on {len(lists.train_rows)} training and "
        f"{len(lists.test_rows)} test videos of {len(lists.classes)} classes"
    ]


def live_probe(
    run: PretrainRun, plan: Plan, runtime: Runtime
) -> Callable[[Watching], Watch] | None:
    """Make what a training run is watched by; None if nothing is probed."""
    if not run.probe.is_on:
        return None

    def begin(watching: Watching) -> Watch:
        probe = LiveProbe(run, plan.steps, runtime, watching)
        probe.catch_up()
        return probe

    return begin


@dataclass(slots=True)
class LiveProbe:
    """Probes the features when it is time; called with the number of steps done.

    Features are the mean of what the encoder gives for all cubes of the middle clip, with the
    weights as they are (not their running mean). Videos are read once, at the first probe.
    """

    run: PretrainRun
    steps: int
    runtime: Runtime
    watching: Watching
    _slices: tuple[_Slice, _Slice] | None = field(default=None)
    _classes: int = 0

    @property
    def encoder(self) -> VideoEncoder:
        """What is probed."""
        task = self.watching.task
        assert isinstance(task, PretrainTask)
        return task.model.encoder

    def catch_up(self) -> None:
        """Probe the weights that a run begins with, unless that was done before it stopped.

        Raises:
            DataError: Too few videos can be read.
        """
        done, known = self.watching.first_step, _probed(self.run.record.out / METRICS_FILE)
        if done - 1 not in known:
            self(done)

    def __call__(self, done: int) -> None:
        """Probe, if it is time; a wish to stop ends it without a result.

        Raises:
            DataError: Too few videos can be read; at the first probe.
        """
        if not self.run.probe.is_due(done, self.steps) or self.watching.wishes.stop is not None:
            return
        started = time.perf_counter()
        train, test = self._slices or self._read()
        self._slices = train, test
        one, other = self._features(train), self._features(test)
        if one is None or other is None:
            return
        found = self._measure(one, train.labels, other, test.labels)
        seconds = time.perf_counter() - started
        log, chance = self.watching.log, np.mean(test.labels == np.bincount(train.labels).argmax())
        values = {f"probe/{name}": value for name, value in found.items()}
        log.probe(done - 1, {**values, "probe/seconds": seconds})
        log.say(
            f"probe {done}/{self.steps}  k-NN {found['knn']:.1%}  linear {found['linear']:.1%}  "
            f"(always the same class {chance:.1%})  {len(test.labels)} test videos  {seconds:.1f} s"
        )

    def _read(self) -> tuple[_Slice, _Slice]:
        lists, run = probe_lists(self.run.probe), self.run
        self._classes = len(lists.classes)
        source = run.data.sources[0]
        span = ClipSpan(stride=source.stride, stride_unit=source.stride_unit)
        train, test = lists.train, lists.train if lists.test is None else lists.test
        loading = run.loading
        with Pool(
            READ_VIEWS,
            workers=reading_processes(loading.workers, self.runtime),
            deadline_seconds=loading.deadline_seconds,
            memory_bytes=int(loading.memory_gib * 2**30),
            tries=TRIES,
        ) as pool:
            found = [
                self._slice(manifest, rows, pool, grid_shape(
                    self.encoder.cubes, span, manifest, clips=1,
                    frame_rate=source.frame_rate, loading=loading))
                for manifest, rows in ((train, lists.train_rows), (test, lists.test_rows))
            ]  # fmt: skip
        one, other = found
        if len(np.unique(one.labels)) < 2 or not len(other.labels):
            raise DataError(
                f"too few videos of --probe.videos {self.run.probe.videos} can be read: "
                f"{len(one.labels)} to train on and {len(other.labels)} to test on"
            )
        return one, other

    def _slice(self, manifest: Manifest, rows: np.ndarray, pool: Pool, shape: GridShape) -> _Slice:
        requests = (ViewsRequest(manifest[int(row)], shape) for row in rows)
        clips, labels, broken = [], [], []
        size = self.encoder.cubes.height, self.encoder.cubes.width
        found = read_videos(requests, pool, size, torch.device("cpu"))
        for row, one in zip(rows, found, strict=True):
            if isinstance(one, VideoError):
                broken.append(str(one))
            else:
                clips.append(one)
                labels.append(int(manifest.labels[row]))
        if broken:
            self.watching.log.say(
                f"probe    {len(broken)} videos are left out, such as: {broken[0]}"
            )
        empty = torch.empty(0, shape.frames, *size, shape.channels, dtype=torch.uint8)
        return _Slice(torch.cat([empty, *clips]), np.array(labels, dtype=np.int64))

    @torch.no_grad()
    def _features(self, part: _Slice) -> Float[Tensor, "videos dim"] | None:
        """Give one vector per video on the CPU; None if somebody wants to stop."""
        data, device, found = self.run.data, self.runtime.device, []
        mean, std = torch.tensor(data.mean, device=device), torch.tensor(data.std, device=device)
        with _at_rest(self.encoder):
            for some in part.clips.split(_CLIPS_AT_ONCE):
                if self.watching.wishes.stop is not None:
                    return None
                values = grid.split(some.to(device), self.encoder.cubes)
                with self.runtime.autocast():
                    tokens = self.encoder(pixels.normalise(values, mean, std))
                found.append(tokens.float().mean(dim=1).cpu())
        return torch.cat(found)

    def _measure(
        self, train: Tensor, train_labels: np.ndarray, test: Tensor, test_labels: np.ndarray
    ) -> dict[str, float]:
        """Accuracies on the test videos; all on the CPU, where the bits are always the same."""
        scale, classes = Scaling.of(train), self._classes
        x, y = scale(train), scale(test)
        k = min(self.run.probe.k, len(x))
        cosines, index = neighbours.nearest(y, x, k)
        votes = neighbours.weighted_votes(cosines, train_labels[index], classes)
        ridge = fit_ridge(x, torch.from_numpy(train_labels), classes)
        return {
            "knn": top_k_accuracy(votes, test_labels),
            "linear": top_k_accuracy(ridge(y).numpy(), test_labels),
        }


@contextmanager
def _at_rest(model: nn.Module) -> Iterator[None]:
    """Without what is drawn in training, and without compiling anything for this alone."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        for part, training in modes:
            part.training = training


def _probed(metrics: Path) -> set[int]:
    """Steps whose probe is written down; the log has removed what a run does again."""
    if not metrics.exists():
        return set()
    lines = (json.loads(line) for line in metrics.read_text().splitlines())
    return {line["step"] for line in lines if "probe/knn" in line}
