"""VideoMAE (V1) as its authors pre-trained and fine-tuned it: no decoder masking.

Pre-training has one view of each clip. Its scripts ask for one epoch more than their names say; so
do these. Rates are for 256 videos; 1.5e-4 is that of run_mae_pretraining.py where a script names
none. Fine-tuning starts from the pre-training of its name; layer decay 0.75 and drop path 0.1 where
a script names none are the defaults of its program.
"""

from videomae2.recipes.datasets import (
    KINETICS_400,
    KINETICS_400_VIDEOS,
    SOMETHING_V2,
    SOMETHING_V2_VIDEOS,
    UCF101,
    UCF101_VIDEOS,
)
from videomae2.recipes.rows import FinetuneRow, PretrainRow
from videomae2.tasks.pretrain import MaskingConfig

V1_MASKING = MaskingConfig(decoder="none")
"""Every hidden cube is decoded."""

V1_ROWS: dict[str, PretrainRow] = {
    "v1-k400-small": PretrainRow(
        summary="Pre-train ViT-S on Kinetics-400 for 1600 epochs, as V1.",
        source="VideoMAE scripts/kinetics, vit_small, epoch_1600.",
        score="after fine-tuning K400 79.0 (V1 zoo).",
        dataset=KINETICS_400_VIDEOS, size="small", gpus=32, batch_size=32, lr=1.5e-4, epochs=1601.0,
        warmup_epochs=40.0, masking=V1_MASKING,
    ),
    "v1-k400-base-800": PretrainRow(
        summary="Pre-train ViT-B on Kinetics-400 for 800 epochs, as V1.",
        source="VideoMAE scripts/kinetics, vit_base, epoch_800.",
        time="about 27 hours on 64 V100, an author says of V1 (its issue 5, which names no "
        "epochs).",
        score="after fine-tuning K400 80.0, with repeated augmentation 81.0 (V1 zoo).",
        dataset=KINETICS_400_VIDEOS, size="base", gpus=64, batch_size=32, lr=1.5e-4, epochs=801.0,
        warmup_epochs=40.0, masking=V1_MASKING,
    ),
    "v1-k400-base-1600": PretrainRow(
        summary="Pre-train ViT-B on Kinetics-400 for 1600 epochs, as V1.",
        source="VideoMAE scripts/kinetics, vit_base, epoch_1600.",
        score="after fine-tuning K400 81.5 (V1 zoo).",
        dataset=KINETICS_400_VIDEOS, size="base", gpus=64, batch_size=32, lr=1.5e-4, epochs=1601.0,
        warmup_epochs=40.0, masking=V1_MASKING,
    ),
    "v1-k400-large": PretrainRow(
        summary="Pre-train ViT-L on Kinetics-400 for 1600 epochs, as V1, with a decoder of 12 "
        "blocks.",
        source="VideoMAE scripts/kinetics, vit_large, epoch_1600.",
        score="after fine-tuning K400 85.2 (V1 zoo).",
        dataset=KINETICS_400_VIDEOS, size="large", gpus=64, batch_size=8, lr=1.5e-4, epochs=1601.0,
        warmup_epochs=40.0, decoder_depth=12, masking=V1_MASKING,
    ),
    "v1-k400-huge": PretrainRow(
        summary="Pre-train ViT-H on Kinetics-400 for 1600 epochs, as V1, with a decoder of 12 "
        "blocks.",
        source="VideoMAE scripts/kinetics, vit_huge, epoch_1600.",
        score="after fine-tuning K400 86.6 (V1 zoo).",
        dataset=KINETICS_400_VIDEOS, size="huge", gpus=64, batch_size=16, lr=1.5e-4, epochs=1601.0,
        warmup_epochs=40.0, decoder_depth=12, masking=V1_MASKING, activation_checkpointing=True,
    ),
    "v1-ssv2-small": PretrainRow(
        summary="Pre-train ViT-S on Something-Something V2 for 2400 epochs, as V1.",
        source="VideoMAE scripts/ssv2, vit_small, epoch_2400.",
        score="after fine-tuning SSv2 66.8 (V1 zoo).",
        dataset=SOMETHING_V2_VIDEOS, size="small", gpus=32, batch_size=32, lr=1.5e-4, epochs=2401.0,
        warmup_epochs=40.0, masking=V1_MASKING,
    ),
    "v1-ssv2-base": PretrainRow(
        summary="Pre-train ViT-B on Something-Something V2 for 2400 epochs, as V1.",
        source="VideoMAE scripts/ssv2, vit_base, epoch_2400.",
        score="after fine-tuning SSv2 70.8 (V1 zoo).",
        dataset=SOMETHING_V2_VIDEOS, size="base", gpus=64, batch_size=32, lr=1.5e-4, epochs=2401.0,
        warmup_epochs=40.0, masking=V1_MASKING,
    ),
    "v1-ucf101-base": PretrainRow(
        summary="Pre-train ViT-B on the 9.5 k training videos of UCF101 for 3200 epochs, as V1.",
        source="VideoMAE scripts/ucf101, vit_base, ratio_0.75_epoch_3200.",
        score="after fine-tuning UCF101 91.3 (V1 zoo).",
        dataset=UCF101_VIDEOS, size="base", gpus=8, batch_size=24, lr=3e-4, epochs=3201.0,
        warmup_epochs=40.0, masking=MaskingConfig(encoder_mask_ratio=0.75, decoder="none"),
    ),
}  # fmt: skip

V1_FINETUNE_ROWS: dict[str, FinetuneRow] = {
    "v1-k400-small": FinetuneRow(
        summary="Fine-tune V1's ViT-S on Kinetics-400.",
        source="VideoMAE scripts/kinetics, vit_small, epoch_1600.", score="79.0 (V1 zoo).",
        dataset=KINETICS_400, pretrained_run="v1-k400-small", size="small", gpus=32, batch_size=12,
        lr=5e-4, epochs=150.0,
    ),
    "v1-k400-base-800": FinetuneRow(
        summary="Fine-tune V1's ViT-B of 800 epochs on Kinetics-400, one view of each clip.",
        source="VideoMAE scripts/kinetics, vit_base, epoch_800.", score="80.0 (V1 zoo).",
        dataset=KINETICS_400, pretrained_run="v1-k400-base-800", size="base", gpus=64, batch_size=8,
        lr=1e-3, epochs=100.0, views=1,
    ),
    "v1-k400-base-1600": FinetuneRow(
        summary="Fine-tune V1's ViT-B of 1600 epochs on Kinetics-400.",
        source="VideoMAE scripts/kinetics, vit_base, epoch_1600.", score="81.5 (V1 zoo).",
        dataset=KINETICS_400, pretrained_run="v1-k400-base-1600", size="base", gpus=64,
        batch_size=6, lr=5e-4, epochs=75.0,
    ),
    "v1-k400-large": FinetuneRow(
        summary="Fine-tune V1's ViT-L on Kinetics-400.",
        source="VideoMAE scripts/kinetics, vit_large, epoch_1600.", score="85.2 (V1 zoo).",
        dataset=KINETICS_400, pretrained_run="v1-k400-large", size="large", gpus=64, batch_size=2,
        lr=2e-3, epochs=35.0,
    ),
    "v1-k400-huge": FinetuneRow(
        summary="Fine-tune V1's ViT-H on Kinetics-400.",
        source="VideoMAE scripts/kinetics, vit_huge, epoch_1600.", score="86.6 (V1 zoo).",
        dataset=KINETICS_400, pretrained_run="v1-k400-huge", size="huge", gpus=64, batch_size=8,
        lr=1e-3, epochs=50.0, min_lr=1e-5, drop_path=0.2, head_drop_rate=0.5,
        activation_checkpointing=True,
    ),
    "v1-ssv2-small": FinetuneRow(
        summary="Fine-tune V1's ViT-S on Something-Something V2.",
        source="VideoMAE scripts/ssv2, vit_small, epoch_2400.", score="66.8 (V1 zoo).",
        dataset=SOMETHING_V2, pretrained_run="v1-ssv2-small", size="small", gpus=32, batch_size=12,
        lr=1e-3, epochs=40.0, layer_decay=0.7,
    ),
    "v1-ssv2-base": FinetuneRow(
        summary="Fine-tune V1's ViT-B on Something-Something V2.",
        source="VideoMAE scripts/ssv2, vit_base, epoch_2400.", score="70.8 (V1 zoo).",
        dataset=SOMETHING_V2, pretrained_run="v1-ssv2-base", size="base", gpus=64, batch_size=6,
        lr=5e-4, epochs=30.0,
    ),
    "v1-ucf101-base": FinetuneRow(
        summary="Fine-tune V1's ViT-B on a split of UCF101.",
        source="VideoMAE scripts/ucf101, vit_base, ratio_0.75_epoch_3200.", score="91.3 (V1 zoo).",
        dataset=UCF101, pretrained_run="v1-ucf101-base", size="base", gpus=8, batch_size=16,
        lr=5e-4, epochs=100.0, min_lr=1e-5, layer_decay=0.7, drop_path=0.2, head_drop_rate=0.5,
        activation_checkpointing=True,
    ),
}  # fmt: skip
