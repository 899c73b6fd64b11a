"""Clips on the device get their targets, and are augmented."""

from dataclasses import dataclass, replace

import torch

from videomae2.config import Validated
from videomae2.data.augment import augment, mixes
from videomae2.data.batches import HostBatch
from videomae2.jobs.labelled_videos import Outputs
from videomae2.tensors.clips import Clips
from videomae2.tensors.moving import moved
from videomae2.tensors.targets import shares


@dataclass(frozen=True, slots=True)
class Finishing:
    """Gives training clips what they should be taken for, and changes them."""

    run: Validated
    outputs: Outputs

    def __call__(self, clips: Clips, batch: HostBatch) -> Clips:
        data, augmenting = self.run.data, self.run.augment
        device = clips.pixels.device
        targets = self.outputs.of(batch.places, len(batch.keys) // len(batch.places))
        if targets.ndim == 1 and mixes(augmenting.mix):
            targets = shares(targets, len(self.outputs.videos.names))
        finished = augment(
            replace(clips, targets=moved(targets, device)),
            augmenting,
            mean=moved(torch.tensor(data.mean), device),
            std=moved(torch.tensor(data.std), device),
            host_keys=torch.tensor(batch.keys),
        )
        return finished if self.outputs.videos.labelled else replace(finished, targets=None)
