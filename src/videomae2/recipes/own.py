"""Your own videos, from nothing: on one GPU, and on a CPU.

A clip is 16 frames at 7.5 per second whatever the frame rate of a video. That is 2.1 seconds, the
span of the paper's stride 4 at the 30 frames per second of Kinetics; set
``--data.sources.0.frame-interval`` where what you film is quicker or slower.
"""

from collections.abc import Sequence
from pathlib import Path

from videomae2.config import PretrainRun, CheckpointConfig
from videomae2.data.sources import DataConfig
from videomae2.engine.optim import OptimConfig
from videomae2.models.autoencoder import AutoencoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.recipes.sources import build_timed_sources

FRAMES_PER_SECOND = 7.5


def own(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-S on your own videos with one GPU.

    ViT-S learns from hundreds of videos on and fine-tunes fast; from about ten thousand on, try
    --model.encoder.size base. One pass makes four clips of each video; 400 passes are 1600
    epochs as the paper counts them, in between what it uses for 240 k and V1 for 10 k videos. The
    rate lies between those of the released ViT-B script and V1's for UCF101, per view.

    Source: our choice; masks, crops and optimizer of arXiv 2303.16727.
    Data: a folder of videos (searched to any depth), or a list; of fewer than 64 videos all make
        one step.
    Hardware: one GPU of 24 GB; 16 videos of 4 views at once, 4 such parts make a step. Less
        memory: --optim.micro-batch-size 8, which changes nothing else.
    Time: unmeasured.
    Score: unmeasured.
    Command: videomae2 pretrain own my_videos/
    """
    optim = OptimConfig(
        lr=1e-3,
        epochs=400.0,
        warmup_epochs=20.0,
        global_batch_size=64,
        allow_smaller_batch=True,
        micro_batch_size=16,
    )
    return PretrainRun(
        data=DataConfig(sources=build_timed_sources(videos, frames_per_second=FRAMES_PER_SECOND)),
        model=AutoencoderConfig(encoder=EncoderConfig(size="small")),
        optim=optim,
        checkpoint=CheckpointConfig(output_dir=out),
    )


def own_cpu(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train a tiny model on your own videos with a CPU, to see the method work.

    Clips of 96 pixels keep the 8x12x12 cubes of 8 pixels near the paper's 8x14x14. The rate is
    high for a batch this small because the model is tiny and the run short.

    Source: our choice; masks, crops and optimizer of arXiv 2303.16727.
    Data: a folder of videos (searched to any depth), or a list; at least some tens of videos.
    Hardware: 2 cores, 2 GB of memory.
    Time: about 15 minutes for 100 videos on 2 cores, in proportion for more (43 clips a second,
        docs/benchmarks.md).
    Score: unmeasured; pictures of what it rebuilds are its result, not accuracy.
    Command: videomae2 pretrain own-cpu my_videos/
    """
    optim = OptimConfig(
        lr=2e-3,
        lr_scale_by="views",
        epochs=100.0,
        warmup_epochs=5.0,
        global_batch_size=16,
        allow_smaller_batch=True,
        micro_batch_size=8,
    )
    return PretrainRun(
        data=DataConfig(sources=build_timed_sources(videos, frames_per_second=FRAMES_PER_SECOND)),
        model=AutoencoderConfig(
            encoder=EncoderConfig(size="tiny", height=96, width=96, pos_embed="axes")
        ),
        optim=optim,
        checkpoint=CheckpointConfig(output_dir=out, log_interval=10, interval=100),
    )
