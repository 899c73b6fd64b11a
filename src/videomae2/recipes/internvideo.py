"""InternVideo's pre-training on hybrid data, with V1's masking, and its fine-tuning of V2's ViT-H.

Rates are for 256 videos; 1.5e-4 is that of V1. The scripts ask for one epoch more than their names
say; so do these. The H that is fine-tuned is the 1200-epoch one of VideoMAE V2, so the parents are
the recipes of V2.
"""

from dataclasses import replace

from videomae2.recipes.datasets import HYBRID, KINETICS_400, KINETICS_600, KINETICS_700
from videomae2.recipes.rows import FinetuneRow, PretrainRow
from videomae2.recipes.v1 import V1_MASKING

KINETICS_400_SEGMENTS = replace(KINETICS_400, frame_sampling="tsn")

INTERNVIDEO_ROWS: dict[str, PretrainRow] = {
    "internvideo-base": PretrainRow(
        summary="Pre-train ViT-B on hybrid data with V1's masking.",
        source="InternVideo1; batch and rate are those of its ViT-B script for SSv2, since the one "
        "of its weights vit_b_hybrid_pt_800e is not released; the mixture of about 1 M clips is "
        "not described list by list.",
        score="after fine-tuning K400 81.5, SSv2 71.2 (InternVideo).",
        dataset=HYBRID, size="base", gpus=32, batch_size=64, lr=1.5e-4, epochs=801.0,
        warmup_epochs=40.0, masking=V1_MASKING,
    ),
    "internvideo-large": PretrainRow(
        summary="Pre-train ViT-L on hybrid data with V1's masking and a decoder of 12 blocks.",
        source="InternVideo1 scripts/pretrain/slurm_train_vit_l_hybrid_pt.sh.",
        score="none is given for this stage alone.",
        dataset=HYBRID, size="large", gpus=48, batch_size=24, lr=1.5e-4, epochs=801.0,
        warmup_epochs=40.0, decoder_depth=12, masking=V1_MASKING,
    ),
    "internvideo-huge": PretrainRow(
        summary="Pre-train ViT-H on hybrid data with V1's masking, four views and a decoder of 8 "
        "blocks.",
        source="InternVideo1 scripts/pretrain/slurm_train_vit_h_hybrid_pt.sh.",
        score="none is given for this stage alone.",
        dataset=HYBRID, size="huge", gpus=64, batch_size=6, lr=1e-3, epochs=301.0,
        warmup_epochs=15.0, min_lr=5e-5, views=4, decoder_depth=8, masking=V1_MASKING,
    ),
}  # fmt: skip

INTERNVIDEO_FINETUNE_ROWS: dict[str, FinetuneRow] = {
    "internvideo-k710-k400-huge": FinetuneRow(
        summary="Fine-tune ViT-H on Kinetics-400 after Kinetics-710, as InternVideo.",
        note="The head has the parent's rows of these classes, which go by their names in the "
        "order of VideoMAE V2. InternVideo's own 710-class weights have another order (the classes "
        "of Kinetics-400 are their first 400): give a file of their names with --init.class-names.",
        source="InternVideo1 scripts/finetune/slurm_train_vit_h_mixk_it_k400_ft.sh.",
        score="none is given for this stage alone.",
        dataset=KINETICS_400, pretrained_run="k710-huge-finetune", head="select", size="huge",
        gpus=8, batch_size=4, lr=2e-6, epochs=3.0, warmup_epochs=1.0, layer_decay=0.8,
        drop_path=0.2, head_drop_rate=0.5,
    ),
    "internvideo-k710-k600-huge": FinetuneRow(
        summary="Fine-tune ViT-H on Kinetics-600 after Kinetics-710, as InternVideo.",
        source="InternVideo1 scripts/finetune/slurm_train_vit_h_mixk_it_k600_ft.sh.",
        score="none is given for this stage alone.",
        dataset=KINETICS_600, pretrained_run="k710-huge-finetune", head="select", size="huge",
        gpus=8, batch_size=4, lr=2e-6, epochs=3.0, warmup_epochs=1.0, layer_decay=0.8,
        drop_path=0.2, head_drop_rate=0.5,
    ),
    "internvideo-k710-k700-huge": FinetuneRow(
        summary="Fine-tune ViT-H on Kinetics-700 after Kinetics-710, as InternVideo.",
        source="InternVideo1 scripts/finetune/slurm_train_vit_h_mixk_it_k700_ft.sh.",
        score="none is given for this stage alone.",
        dataset=KINETICS_700, pretrained_run="k710-huge-finetune", head="select", size="huge",
        gpus=8, batch_size=4, lr=2e-6, epochs=3.0, warmup_epochs=1.0, layer_decay=0.8,
        drop_path=0.2, head_drop_rate=0.5,
    ),
    "internvideo-k600-k400-huge": FinetuneRow(
        summary="Fine-tune ViT-H on Kinetics-400 after Kinetics-600, as InternVideo, with a fresh "
        "head.",
        source="InternVideo1 scripts/finetune/slurm_train_vit_h_k600_it_k400_ft.sh.",
        score="none is given for this stage alone.",
        dataset=KINETICS_400, pretrained_run="k600-huge-finetune", head="reinit", size="huge",
        gpus=32, batch_size=4, lr=5e-4, epochs=15.0, warmup_epochs=3.0, layer_decay=0.8,
        drop_path=0.3, head_drop_rate=0.5,
    ),
    "internvideo-k400-huge-segments": FinetuneRow(
        summary="Fine-tune ViT-H on Kinetics-400 with one frame of each 16th part, as InternVideo.",
        source="InternVideo1 scripts/finetune/slurm_train_vit_h_k400_sparse_ft.sh; one view.",
        score="none is given for this stage alone.",
        dataset=KINETICS_400_SEGMENTS, pretrained_run="hybrid-huge", size="huge", gpus=32,
        batch_size=8, lr=3e-4, epochs=75.0, layer_decay=0.8, drop_path=0.2, head_drop_rate=0.5,
        views=1,
    ),
}  # fmt: skip
