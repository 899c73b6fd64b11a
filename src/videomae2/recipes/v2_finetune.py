"""Fine-tuning on Kinetics and Something-Something straight after V2's pre-training, as released.

With Kinetics-710 in between, ``k710.py`` has the recipes; for Something-Something that makes it
worse, says the paper. There a clip is one frame of each 16th part, and nothing is mirrored: the
classes tell left from right.
"""

from videomae2.recipes.datasets import KINETICS_400, KINETICS_600, SOMETHING_V1, SOMETHING_V2
from videomae2.recipes.rows import FinetuneRow

KINETICS_ROWS: dict[str, FinetuneRow] = {
    "k400-base": FinetuneRow(
        summary="Fine-tune ViT-B on Kinetics-400.",
        source="scripts/finetune/vit_b_k400_ft.sh.", score="81.5 (the paper).",
        dataset=KINETICS_400, pretrained_run="hybrid-base", size="base", gpus=32, batch_size=16,
        lr=7e-4, epochs=90.0,
    ),
    "k400-large": FinetuneRow(
        summary="Fine-tune ViT-L on Kinetics-400.",
        source="scripts/finetune/vit_l_k400_ft.sh.", score="85.4 (the paper).",
        dataset=KINETICS_400, pretrained_run="hybrid-large", size="large", gpus=32, batch_size=6,
        lr=2e-3, epochs=35.0, drop_path=0.2,
    ),
    "k400-huge": FinetuneRow(
        summary="Fine-tune ViT-H on Kinetics-400.",
        source="scripts/finetune/vit_h_k400_ft.sh.", score="86.9 (the paper).",
        dataset=KINETICS_400, pretrained_run="hybrid-huge", size="huge", gpus=32, batch_size=4,
        lr=1e-3, epochs=40.0, layer_decay=0.8, drop_path=0.2, head_drop_rate=0.5,
    ),
    "k400-giant": FinetuneRow(
        summary="Fine-tune ViT-g on Kinetics-400.",
        source="scripts/finetune/vit_g_k400_ft.sh.", score="87.2 (the zoo).",
        dataset=KINETICS_400, pretrained_run="hybrid-giant",
        example_flags="--init.weights vit_g_hybrid_pt_1200e.pth", size="giant", gpus=64,
        batch_size=3, lr=1e-3, epochs=30.0, weight_decay=0.1, layer_decay=0.9, drop_path=0.2,
    ),
    "k600-huge": FinetuneRow(
        summary="Fine-tune ViT-H on Kinetics-600.",
        note="The script leaves the number of GPUs at its default of one, so a step of 4 videos; "
        "this is the batch of its twins for Kinetics-400 and -710, which agree with it in all "
        "else.",
        source="scripts/finetune/vit_h_k600_ft.sh.", score="none is given without Kinetics-710.",
        dataset=KINETICS_600, pretrained_run="hybrid-huge", size="huge", gpus=32, batch_size=4,
        lr=1e-3, epochs=40.0, layer_decay=0.8, drop_path=0.2, head_drop_rate=0.5,
    ),
}  # fmt: skip

SOMETHING_ROWS: dict[str, FinetuneRow] = {
    "ssv2-base": FinetuneRow(
        summary="Fine-tune ViT-B on Something-Something V2.",
        source="scripts/finetune/vit_b_ssv2_ft.sh.", score="71.2 (the paper).",
        dataset=SOMETHING_V2, pretrained_run="hybrid-base", size="base", gpus=16, batch_size=16,
        lr=2e-3, epochs=25.0, layer_decay=0.65,
    ),
    "ssv2-large": FinetuneRow(
        summary="Fine-tune ViT-L on Something-Something V2.",
        source="scripts/finetune/vit_l_ssv2_ft.sh.", score="75.7 (the paper).",
        dataset=SOMETHING_V2, pretrained_run="hybrid-large", size="large", gpus=32, batch_size=6,
        lr=5e-4, epochs=20.0, drop_path=0.2,
    ),
    "ssv2-huge": FinetuneRow(
        summary="Fine-tune ViT-H on Something-Something V2.",
        source="scripts/finetune/vit_h_ssv2_ft.sh.", score="76.8 (the paper).",
        dataset=SOMETHING_V2, pretrained_run="hybrid-huge", size="huge", gpus=32, batch_size=4,
        lr=5e-4, epochs=20.0, layer_decay=0.8, drop_path=0.2,
    ),
    "ssv2-giant": FinetuneRow(
        summary="Fine-tune ViT-g on Something-Something V2, as released.",
        source="scripts/finetune/vit_g_ssv2_ft.sh; ssv2-giant-paper has the paper's numbers.",
        score="77.0 (the zoo).",
        dataset=SOMETHING_V2, pretrained_run="hybrid-giant",
        example_flags="--init.weights vit_g_hybrid_pt_1200e.pth", size="giant", gpus=32,
        batch_size=3, lr=3e-4, epochs=20.0, layer_decay=0.9, drop_path=0.25,
    ),
    "ssv2-giant-paper": FinetuneRow(
        summary="Fine-tune ViT-g on Something-Something V2 with the paper's numbers.",
        source="arXiv 2303.16727 appendix, column SthSth: half the epochs of the script, drop path "
        "0.35, head dropout 0.5. How GPUs share the batch of 96 is the script's.",
        score="77.0 (the paper).",
        dataset=SOMETHING_V2, pretrained_run="hybrid-giant",
        example_flags="--init.weights vit_g_hybrid_pt_1200e.pth", size="giant", gpus=32,
        batch_size=3, lr=3e-4, epochs=10.0, layer_decay=0.9, drop_path=0.35, head_drop_rate=0.5,
    ),
    "ssv1-giant": FinetuneRow(
        summary="Fine-tune ViT-g on Something-Something V1, as the paper.",
        source="arXiv 2303.16727 appendix, column SthSth; no script is released.",
        score="68.7 (the paper).",
        dataset=SOMETHING_V1, pretrained_run="hybrid-giant",
        example_flags="--init.weights vit_g_hybrid_pt_1200e.pth", size="giant", gpus=32,
        batch_size=3, lr=3e-4, epochs=10.0, layer_decay=0.9, drop_path=0.35, head_drop_rate=0.5,
    ),
}  # fmt: skip
