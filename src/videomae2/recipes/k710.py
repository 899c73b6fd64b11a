"""Post-pre-training on Kinetics-710, as the authors of VideoMAE V2 did it, and ViT-g from there on.

Post-pre-training is supervised, with 710 classes: B, H and g; and S. The released scripts are
followed; the paper's table names the same numbers for H and g but for a batch of 128 for g, and
calls the crops MultiScaleCrop, where the code has random resized crops. Random erasing is in the
code alone.

From there ViT-g goes on for a few epochs. For Kinetics the head is not fresh: of the parent's 710
rows those of the same classes are taken, by name, which is the released lists label_710to400.json
and so on. Without any training that is a classifier already. UCF101 and HMDB51 get a fresh head.
Both have three splits into training and test: the split is the folder that is named, as in the
released scripts, and each wants its own --out. The paper does not say whether its scores are of the
first split or the mean of three.
"""

from videomae2.recipes.datasets import (
    HMDB51,
    KINETICS_400,
    KINETICS_600,
    KINETICS_700,
    KINETICS_710,
    UCF101,
)
from videomae2.recipes.rows import FinetuneRow

K710_ROWS: dict[str, FinetuneRow] = {
    "k710-small": FinetuneRow(
        summary="Post-pre-train ViT-S on Kinetics-710, to be distilled after it.",
        source="our choice: neither script nor weights of this stage were released for ViT-S; the "
        "numbers are those of k710-base.",
        score="none is given.",
        dataset=KINETICS_710, pretrained_run="hybrid-small", size="small", gpus=32, batch_size=16,
        lr=7e-4, epochs=90.0,
    ),
    "k710-base": FinetuneRow(
        summary="Post-pre-train ViT-B on Kinetics-710.",
        source="scripts/finetune/vit_b_k710_ft.sh.",
        score="unmeasured; InternVideo's B, pre-trained otherwise, has 79.3.",
        dataset=KINETICS_710, pretrained_run="hybrid-base", size="base", gpus=32, batch_size=16,
        lr=7e-4, epochs=90.0,
    ),
    "k710-huge": FinetuneRow(
        summary="Post-pre-train ViT-H on Kinetics-710.",
        source="scripts/finetune/vit_h_k710_ft.sh; arXiv 2303.16727 appendix, the same numbers.",
        score="then K400 88.6, K600 88.3 (the paper).",
        dataset=KINETICS_710, pretrained_run="hybrid-huge", size="huge", gpus=32, batch_size=4,
        lr=1e-3, epochs=40.0, layer_decay=0.8, drop_path=0.2, head_drop_rate=0.5,
    ),
    "k710-giant": FinetuneRow(
        summary="Post-pre-train ViT-g on Kinetics-710.",
        source="scripts/finetune/vit_g_k710_ft.sh, a batch of 96; k710-giant-paper has the "
        "paper's.",
        score="K710 83.8 (the zoo); then K400 88.4, K600 88.8.",
        dataset=KINETICS_710, pretrained_run="hybrid-giant",
        example_flags="--init.weights vit_g_hybrid_pt_1200e.pth", size="giant", gpus=32,
        batch_size=3, lr=1e-3, epochs=35.0, weight_decay=0.1, layer_decay=0.9, clip_norm=5.0,
        drop_path=0.3,
    ),
    "k710-giant-paper": FinetuneRow(
        summary="Post-pre-train ViT-g on Kinetics-710 with the paper's batch.",
        source="arXiv 2303.16727 appendix, column g: a batch of 128, so a peak of 5e-4 where the "
        "script has 3.75e-4; all else is the script's. How GPUs shared the batch is not said.",
        score="K710 83.8; then K400 88.5, K600 88.8 (the paper).",
        dataset=KINETICS_710, pretrained_run="hybrid-giant",
        example_flags="--init.weights vit_g_hybrid_pt_1200e.pth", size="giant", gpus=32,
        batch_size=4, lr=1e-3, epochs=35.0, weight_decay=0.1, layer_decay=0.9, clip_norm=5.0,
        drop_path=0.3,
    ),
}  # fmt: skip

K710_TRANSFER_ROWS: dict[str, FinetuneRow] = {
    "k710-k400-giant": FinetuneRow(
        summary="Fine-tune ViT-g on Kinetics-400 after Kinetics-710, as released.",
        source="scripts/finetune/vit_g_k710_it_k400_ft.sh; k710-k400-giant-paper has the paper's "
        "numbers.",
        score="88.4 (the zoo).",
        dataset=KINETICS_400, pretrained_run="k710-giant-finetune", head="select", size="giant",
        gpus=32, batch_size=3, lr=1e-5, epochs=3.0, warmup_epochs=1.0, weight_decay=0.1,
        layer_decay=0.9, drop_path=0.25,
    ),
    "k710-k600-giant": FinetuneRow(
        summary="Fine-tune ViT-g on Kinetics-600 after Kinetics-710, as released.",
        source="scripts/finetune/vit_g_k710_it_k600_ft.sh; k710-k600-giant-paper has the paper's "
        "numbers.",
        score="88.8 (the zoo).",
        dataset=KINETICS_600, pretrained_run="k710-giant-finetune", head="select", size="giant",
        gpus=32, batch_size=3, lr=1e-5, epochs=3.0, warmup_epochs=1.0, weight_decay=0.1,
        layer_decay=0.9, drop_path=0.25,
    ),
    "k710-k700-giant": FinetuneRow(
        summary="Fine-tune ViT-g on Kinetics-700 after Kinetics-710.",
        source="our choice: there is no script; the numbers are those for Kinetics-400 and -600, "
        "and the released program has the list of rows.",
        score="none is given.",
        dataset=KINETICS_700, pretrained_run="k710-giant-finetune", head="select", size="giant",
        gpus=32, batch_size=3, lr=1e-5, epochs=3.0, warmup_epochs=1.0, weight_decay=0.1,
        layer_decay=0.9, drop_path=0.25,
    ),
    "k710-k400-giant-paper": FinetuneRow(
        summary="Fine-tune ViT-g on Kinetics-400 after Kinetics-710 with the paper's numbers.",
        source="arXiv 2303.16727 appendix, column Kinetics 16x224: batch 32, no warm-up, head "
        "dropout 0.5, where the script has 96, one epoch, none. How GPUs shared the batch is not "
        "said.",
        score="88.5 (the paper).",
        dataset=KINETICS_400, pretrained_run="k710-giant-finetune",
        example_flags="--init.weights vit_g_k710.pth", head="select", size="giant", gpus=8,
        batch_size=4, lr=1e-5, epochs=3.0, warmup_epochs=0.0, layer_decay=0.9, drop_path=0.3,
        head_drop_rate=0.5,
    ),
    "k710-k600-giant-paper": FinetuneRow(
        summary="Fine-tune ViT-g on Kinetics-600 after Kinetics-710 with the paper's numbers.",
        source="as for k710-k400-giant-paper.", score="88.8 (the paper).",
        dataset=KINETICS_600, pretrained_run="k710-giant-finetune",
        example_flags="--init.weights vit_g_k710.pth", head="select", size="giant", gpus=8,
        batch_size=4, lr=1e-5, epochs=3.0, warmup_epochs=0.0, layer_decay=0.9, drop_path=0.3,
        head_drop_rate=0.5,
    ),
    "k710-k400-giant-64x266": FinetuneRow(
        summary="Fine-tune ViT-g on Kinetics-400 with 64 frames of 266 pixels, after Kinetics-710.",
        note="The position table is resampled from that of 16 frames of 224 pixels. The stride of "
        "so long a clip is not said anywhere; this is the usual one, so a clip spans 256 frames.",
        source="arXiv 2303.16727 appendix, column Kinetics 64x266; no script is released. How GPUs "
        "shared the batch of 32 is not said.",
        score="90.0 with 2x3 views (the paper).",
        dataset=KINETICS_400, pretrained_run="k710-giant-finetune",
        example_flags="--init.weights vit_g_k710.pth", head="select", size="giant", gpus=16,
        batch_size=2, lr=1e-4, epochs=5.0, warmup_epochs=0.0, layer_decay=0.9, drop_path=0.35,
        head_drop_rate=0.5, frames=64, resolution=266, activation_checkpointing=True,
    ),
    "k710-k600-giant-64x266": FinetuneRow(
        summary="Fine-tune ViT-g on Kinetics-600 with 64 frames of 266 pixels, after Kinetics-710.",
        source="as for k710-k400-giant-64x266.", score="89.9 with 2x3 views (the paper).",
        dataset=KINETICS_600, pretrained_run="k710-giant-finetune",
        example_flags="--init.weights vit_g_k710.pth", head="select", size="giant", gpus=16,
        batch_size=2, lr=1e-4, epochs=5.0, warmup_epochs=0.0, layer_decay=0.9, drop_path=0.35,
        head_drop_rate=0.5, frames=64, resolution=266, activation_checkpointing=True,
    ),
    "k710-ucf101-giant": FinetuneRow(
        summary="Fine-tune ViT-g on a split of UCF101 after Kinetics-710.",
        source="scripts/finetune/vit_g_k710_it_ucf101_ft.sh; arXiv 2303.16727 appendix, the same "
        "numbers.",
        score="99.6 (the paper and the zoo).",
        dataset=UCF101, pretrained_run="k710-giant-finetune",
        example_flags="--out runs/ucf101-split-1", head="reinit", size="giant", gpus=8,
        batch_size=3, lr=1e-3, epochs=50.0, layer_decay=0.9, drop_path=0.35, head_drop_rate=0.5,
    ),
    "k710-hmdb51-giant": FinetuneRow(
        summary="Fine-tune ViT-g on a split of HMDB51 after Kinetics-710, every second frame.",
        source="scripts/finetune/vit_g_k710_it_hmdb51_ft.sh; arXiv 2303.16727 appendix, the same "
        "numbers but for the stride, which it does not name.",
        score="88.1 (the paper and the zoo).",
        dataset=HMDB51, pretrained_run="k710-giant-finetune",
        example_flags="--out runs/hmdb51-split-1", head="reinit", size="giant", gpus=8,
        batch_size=3, lr=5e-4, epochs=15.0, layer_decay=0.9, drop_path=0.35, head_drop_rate=0.5,
    ),
}  # fmt: skip
