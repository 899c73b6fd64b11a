"""Clips on the device get their targets, and are augmented."""

from dataclasses import dataclass, replace

import torch

from videomae2.config import ValidatedRun
from videomae2.data.augment import augment, is_mixing
from videomae2.data.batches import CPUBatch
from videomae2.jobs.labelled_videos import TargetLookup
from videomae2.tensors.clips import Clips
from videomae2.tensors.moving import to_device
from videomae2.tensors.targets import to_soft_targets


@dataclass(frozen=True, slots=True)
class BatchTransform:
    """Gives training clips what they should be taken for, and changes them."""

    run: ValidatedRun
    target_lookup: TargetLookup

    def __call__(self, clips: Clips, batch: CPUBatch) -> Clips:
        data, config = self.run.data, self.run.augment
        device = clips.pixels.device
        targets = self.target_lookup.lookup(batch.sample_ids, len(batch.keys) // len(batch.sample_ids))
        if targets.ndim == 1 and is_mixing(config.mix):
            targets = to_soft_targets(targets, len(self.target_lookup.videos.class_names))
        transformed = augment(
            replace(clips, targets=to_device(targets, device)),
            config,
            mean=to_device(torch.tensor(data.mean), device),
            std=to_device(torch.tensor(data.std), device),
            host_keys=torch.tensor(batch.keys),
        )
        return transformed if self.target_lookup.videos.has_labels else replace(transformed, targets=None)
