"""A quick k-NN and linear probe of an encoder while it is trained; no step comes out otherwise.

Axes: videos; frames, height, width, channels; dim.
"""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from videomae2.base.file_kinds import read_regular_file
from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.commands.train.setup import get_source_sampling
from videomae2.config.runs import OnlineProbeConfig, PretrainRun
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.read import READ_VIEWS
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import read_videos
from videomae2.data.workers.pool import Pool
from videomae2.errors import DataError, NonFiniteLossError, VideoError
from videomae2.inference.probe_data import ProbeData, ProbeListConfig, load_train_test
from videomae2.inference.views import EvalViews, bind_views, resolve_views
from videomae2.metrics import knn
from videomae2.metrics.classification import top_k_accuracy
from videomae2.metrics.linear_probe import FeatureScaler, fit_ridge
from videomae2.models.encoder import Normalize, VideoEncoder
from videomae2.tasks.pretrain import PretrainTask
from videomae2.training.logger import METRICS_FILE
from videomae2.training.loop import Callback, CallbackContext
from videomae2.training.runtime import resolve_num_workers

_logger = logging.getLogger(__name__)

_BATCH_SIZE = 8
_ProbeSplit = tuple[UInt8[Tensor, "videos frames height width channels"], np.ndarray]
"""Clips in memory, and their classes."""


def load_probe_data(probe: OnlineProbeConfig, bits: int | None = None) -> ProbeData:
    """Read the labelled lists, and take no more of them than is wanted.

    ``bits``: used of images of 16; found if not given.
    """
    assert probe.videos is not None
    settings = ProbeListConfig(layout=probe.layout, root=probe.root, groups=probe.groups, bits=bits)
    # seed 0: runs of any seed are probed with the same videos
    return load_train_test(probe.videos, probe.test, settings, seed=0, max_videos=probe.max_videos)


def summarize_probe(run: PretrainRun) -> Summary:
    """Say what is probed; nothing if nothing is."""
    if not run.online_probe.is_enabled:
        return Summary(())
    data = load_probe_data(run.online_probe, run.data.bits)
    text = (
        f"every {format_count(run.online_probe.interval, 'step')} on {len(data.train_rows)} "
        f"training and "
        f"{format_count(len(data.test_rows), 'test video')} of "
        f"{format_count(len(data.classes), 'class')}"
    )
    return Summary((("probe", text),))


@dataclass(slots=True)
class OnlineProbe(Callback):
    """Probes the features when it is time.

    Features are the mean of what the encoder gives for all cubes of the middle clip, with the
    weights as they are (not their EMA). Videos are read once, at the first probe.
    """

    run: PretrainRun
    context: CallbackContext = field(init=False)
    _splits: list[_ProbeSplit] = field(default_factory=list)
    _num_classes: int = 0

    @property
    def encoder(self) -> VideoEncoder:
        """What is probed."""
        task = self.context.task
        assert isinstance(task, PretrainTask)
        return task.model.encoder

    def attach(self, context: CallbackContext) -> None:
        """Probe the weights that a run begins with, unless that was done before it stopped."""
        self.context = context
        if context.first_step - 1 not in _list_probed_steps(self.run.output_dir / METRICS_FILE):
            self.on_step_end(context.first_step)

    def on_step_end(self, step: int) -> None:
        """Probe, if it is time; a wish to stop ends it without a result."""
        is_due = self.run.online_probe.is_due(step, self.context.steps)
        if not is_due or self.context.signals.stop_signal is not None:
            return
        started = time.perf_counter()
        self._splits = self._splits or self._load_splits()
        train, test = (self._encode(clips) for clips, _ in self._splits)
        if train is None or test is None:
            return
        if not (train.isfinite().all() and test.isfinite().all()):
            raise NonFiniteLossError(
                f"after step {step} features of the probe are not finite, so the weights are of no "
                "use; a smaller --optim.lr, --optim.clip-norm 1 or --runtime.precision fp32 may "
                "help"
            )
        train_labels, test_labels = (labels for _, labels in self._splits)
        accuracies = self._compute_accuracies(train, test, train_labels, test_labels)
        seconds = time.perf_counter() - started
        values = {f"probe/{name}": value for name, value in accuracies.items()}
        self.context.log_values(step - 1, {**values, "probe/seconds": seconds})
        chance = np.mean(test_labels == np.bincount(train_labels).argmax())
        _logger.info(
            f"probe {step}/{self.context.steps}  k-NN {accuracies['knn']:.1%}  "
            f"linear {accuracies['linear']:.1%}  (always the same class {chance:.1%})  "
            f"{format_count(len(test_labels), 'test video')}  {seconds:.1f} s"
        )

    def _load_splits(self) -> list[_ProbeSplit]:
        data, run = load_probe_data(self.run.online_probe, self.run.data.bits), self.run
        self._num_classes = len(data.classes)
        source, reading = run.data.sources[0], run.reading
        sampling = get_source_sampling(source)
        test = data.train if data.test is None else data.test
        num_workers = resolve_num_workers(reading.num_workers, self.context.runtime)
        views = resolve_views(
            self.encoder.config,
            sampling,
            EvalViews(clips=1, crops=1),
            limits=reading.limits(),
            frame_rate=source.frame_rate,
        )
        with reading.pool(READ_VIEWS, num_workers=num_workers) as pool:
            splits = [
                self._load_split(manifest, rows, pool, bind_views(views, manifest))
                for manifest, rows in ((data.train, data.train_rows), (test, data.test_rows))
            ]
        (_, train_labels), (_, test_labels) = splits
        if len(np.unique(train_labels)) < 2 or not len(test_labels):
            raise DataError(
                f"too few videos of --online-probe.videos {run.online_probe.videos} can be read: "
                f"{len(train_labels)} to train on and {len(test_labels)} to test on"
            )
        return splits

    def _load_split(
        self, manifest: Manifest, rows: np.ndarray, pool: Pool, view_spec: ViewSpec
    ) -> _ProbeSplit:
        requests = (ViewsRequest(manifest[int(row)], view_spec) for row in rows)
        size = self.encoder.cubes.height, self.encoder.cubes.width
        clips = [torch.empty(0, view_spec.frames, *size, view_spec.channels, dtype=torch.uint8)]
        labels, errors = [], []
        results = read_videos(requests, pool, size, torch.device("cpu"))
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, VideoError):
                errors.append(str(result))
            else:
                clips.append(result)
                labels.append(int(manifest.labels[row]))
        if errors:
            _logger.info(
                f"probe    skipped {format_count(len(errors), 'video')}, such as: {errors[0]}"
            )
        return torch.cat(clips), np.array(labels, dtype=np.int64)

    @torch.no_grad()
    def _encode(self, all_clips: Tensor) -> Float[Tensor, "videos dim"] | None:
        """Give one vector per video on the CPU; None if somebody wants to stop."""
        cubes, device, features = self.encoder.cubes, self.context.runtime.device, []
        normalize = Normalize(self.run.data, cubes.channels).to(device)
        with _eval_mode(self.encoder):
            for clips in all_clips.split(_BATCH_SIZE):
                if self.context.signals.stop_signal is not None:
                    return None
                values = normalize.split(clips.to(device), cubes)
                with self.context.runtime.autocast():
                    tokens = self.encoder(values)
                features.append(tokens.float().mean(dim=1).cpu())
        return torch.cat(features)

    def _compute_accuracies(
        self, train: Tensor, test: Tensor, train_labels: np.ndarray, test_labels: np.ndarray
    ) -> dict[str, float]:
        """Accuracies on the test videos; all on the CPU, where the bits are always the same."""
        scaler, num_classes = FeatureScaler.fit(train), self._num_classes
        x, y = scaler(train), scaler(test)
        k = min(self.run.online_probe.k, len(x))
        cosines, index = knn.find_nearest(y, x, k)
        votes = knn.compute_weighted_votes(cosines, train_labels[index], num_classes)
        ridge = fit_ridge(x, torch.from_numpy(train_labels), num_classes)
        return {
            "knn": top_k_accuracy(votes, test_labels),
            "linear": top_k_accuracy(ridge(y).numpy(), test_labels),
        }


@contextmanager
def _eval_mode(model: nn.Module) -> Iterator[None]:
    """Without what is drawn in training, and without compiling anything for this alone."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        for module, training in modes:
            module.training = training


def _list_probed_steps(metrics_file: Path) -> set[int]:
    """Steps whose probe is written down; the log has removed what a run does again."""
    if not metrics_file.exists():
        return set()
    lines = (json.loads(line) for line in read_regular_file(metrics_file).splitlines())
    return {line["step"] for line in lines if "probe/knn" in line}
