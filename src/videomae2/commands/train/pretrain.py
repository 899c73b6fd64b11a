"""Pre-training from start to end: check, train, or go on where it stopped."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from videomae2.base.summary import Summary
from videomae2.commands.train.dry_run import preview
from videomae2.commands.train.online_probe import OnlineProbe, summarize_probe
from videomae2.commands.train.run import train
from videomae2.commands.train.run_folder import check_resumable
from videomae2.commands.train.setup import (
    StepTrial,
    TrainingJob,
    TrainingSetup,
    get_source_sampling,
)
from videomae2.commands.train.video_lists import VideoList, build_unlabelled_lists
from videomae2.config.checks import check_run
from videomae2.config.diff import RESUME_SAFE_FIELDS
from videomae2.config.runs import PretrainRun
from videomae2.data.loading.sources import load_manifests, with_found_bits
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.flops import count_autoencoder_macs
from videomae2.models.init import init_autoencoder_weights
from videomae2.models.weights.config_json import SavedAutoencoderConfig
from videomae2.tasks.pretrain import PretrainTask, count_tokens
from videomae2.training.runtime import Runtime


def pretrain(
    run: PretrainRun,
    *,
    resume: bool = False,
    metadata: Mapping[str, object] | None = None,
    ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS,
) -> Path:
    """Train, or go on training, and give the folder of the last checkpoint.

    Args:
        run: The complete configuration.
        resume: Insist on going on: it is an error if there is no checkpoint.
        metadata: Goes into the card of every model that is saved, such as its lineage.
        ignored_fields: Settings that are not held against those of the run in the folder.

    Raises:
        ConfigError: Before any work, with every problem of the configuration.
        DataError: If lists are wrong, or more videos than allowed cannot be read.
        CheckpointError: If the run folder cannot be used, or the last state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    check_run(run)
    if resume:
        check_resumable(run)
    return train(load_job(run, metadata), ignored_fields=ignored_fields)


def dry_run(run: PretrainRun) -> Summary:
    """Describe a run, and see whether it would start; raises as ``pretrain``."""
    return preview(load_job(run))


def load_job(run: PretrainRun, metadata: Mapping[str, object] | None = None) -> "PretrainJob":
    """Read the lists of a run."""
    manifests = load_manifests(run.data)
    run = replace(run, data=with_found_bits(run.data, manifests))
    return PretrainJob(run=run, metadata=metadata or {}, manifests=manifests)


def build_autoencoder_config(run: PretrainRun) -> SavedAutoencoderConfig:
    """What will be known about a pre-trained model that is saved."""
    samplings = {get_source_sampling(source) for source in run.data.sources}
    return SavedAutoencoderConfig(
        model=run.model,
        mean=run.data.mean,
        std=run.data.std,
        subtract=run.data.subtract,
        bits=run.data.bits,
        frame_sampling=samplings.pop() if len(samplings) == 1 else None,
    )


@dataclass(frozen=True, kw_only=True)
class PretrainJob(TrainingJob):
    """A pre-training run and its videos."""

    run: PretrainRun

    def build_lists(self) -> tuple[VideoList, ...]:
        return build_unlabelled_lists(self.run, self.manifests)

    def build_meta_model(self) -> Autoencoder:
        with torch.device("meta"):
            return Autoencoder(self.run.model)

    def summarize_model(self) -> Summary:
        run = self.run
        task = PretrainTask(self.build_meta_model(), run.masking, normalization=run.data)
        encoder, masking, counts = run.model.encoder, run.masking, task.counts
        parameters = sum(p.numel() for p in task.parameters())
        model_text = (
            f"{encoder.size}, {parameters / 1e6:.1f} M parameters, "
            f"clips of {encoder.clip_dimensions}"
        )
        masking_text = (
            f"{masking.encoder} {masking.encoder_mask_ratio:g}, decoder "
            f"{masking.decoder} {masking.decoder_mask_ratio:g}: {counts.visible} cubes seen, "
            f"{counts.queries} asked for, {counts.num_loss_tokens} scored of {encoder.cubes.tokens}"
        )
        return Summary((("model", model_text), ("masking", masking_text))) + summarize_probe(run)

    def count_macs(self) -> int:
        counts = count_tokens(self.run.masking, self.run.model.encoder.cubes.grid)
        return count_autoencoder_macs(self.run.model, counts, trim=True)

    def get_trial(self) -> StepTrial:
        run = self.run

        def build_task() -> PretrainTask:
            model = Autoencoder(run.model)
            return PretrainTask(model, run.masking, normalization=run.data)

        return StepTrial(build_task=build_task)

    def build_setup(self, runtime: Runtime) -> TrainingSetup:
        """Build what is trained, with first weights drawn from the seed."""
        run = self.run
        model = Autoencoder(run.model)
        init_autoencoder_weights(model, torch.Generator().manual_seed(run.seed))

        config = replace(
            build_autoencoder_config(run),
            metadata={"masking": asdict(run.masking), **self.metadata},
        )
        return TrainingSetup(
            task=PretrainTask(model, run.masking, normalization=run.data),
            config=config,
            callbacks=(OnlineProbe(run),) if run.online_probe.is_enabled else (),
        )
