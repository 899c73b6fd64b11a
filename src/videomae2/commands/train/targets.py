"""What the clips of labelled videos should be taken for, and how much each class counts.

Axes: outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from videomae2.commands.train.datasets import count_per_class
from videomae2.config.runs import ClassifierRun
from videomae2.data.augment.augment import augment, is_mixing
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.labels import LabelledData
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tensors.clips import Clips, to_device
from videomae2.tensors.targets import compute_class_weights, compute_pos_weights, to_soft_targets


def compute_balance(
    config: ClassifyConfig, videos: LabelledData
) -> Float32[Tensor, " outputs"] | None:
    """Weights of classes against imbalance, where they are asked for."""
    if config.balance == 0:
        return None
    if config.task_type == "multiclass":
        return compute_class_weights(count_per_class(videos), config.balance)
    targets = torch.from_numpy(np.concatenate(videos.targets))
    return compute_pos_weights(targets.sum(dim=0).int().tolist(), len(targets), config.balance)


def lookup_targets(videos: LabelledData, sample_ids: Sequence[tuple[int, int]]) -> Tensor:
    """The target of each video, by its source and place in it."""
    rows = [videos.targets[source][number] for source, number in sample_ids]
    return torch.from_numpy(np.stack(rows))


@dataclass(frozen=True, slots=True)
class BatchTransform:
    """Gives training clips what they should be taken for, and changes them."""

    run: ClassifierRun
    videos: LabelledData

    def __call__(self, clips: Clips, batch: CPUBatch) -> Clips:
        data, config = self.run.data, self.run.augment
        device, views = clips.pixels.device, len(batch.keys) // len(batch.sample_ids)
        targets = lookup_targets(self.videos, batch.sample_ids).repeat_interleave(views, dim=0)
        if targets.ndim == 1 and is_mixing(config.mix):
            targets = to_soft_targets(targets, len(self.videos.class_names))
        augmented = augment(
            replace(clips, targets=to_device(targets, device)),
            config,
            mean=to_device(torch.tensor(data.mean), device),
            std=to_device(torch.tensor(data.std), device),
            host_keys=torch.tensor(batch.keys),
        )
        return augmented if self.videos.has_labels else replace(augmented, targets=None)
