"""Made the files beside it, once, with transformers 4.46.3 in an environment of its own.

python -m venv env && env/bin/pip install "transformers==4.46.3" torch
env/bin/python make.py
"""

from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

SHAPE = {
    "image_size": 16, "patch_size": 8, "num_frames": 4, "hidden_size": 12, "num_hidden_layers": 2,
    "num_attention_heads": 3, "intermediate_size": 30, "decoder_hidden_size": 8,
    "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 20,
}  # fmt: skip
NAMES = ["sit", "walk", "wave"]


def main() -> None:
    """Write a classifier and a pre-trained model, and what they say of a clip."""
    torch.manual_seed(0)
    here = Path(__file__).parent
    pixels = torch.randn(1, 4, 3, 16, 16)
    labels = {"id2label": dict(enumerate(NAMES)), "label2id": {n: i for i, n in enumerate(NAMES)}}
    hidden = torch.zeros(1, 8, dtype=torch.bool)
    hidden[:, [0, 2, 3, 5, 7]] = True
    said = {"pixels": pixels, "hidden": hidden}
    for name, kind, settings in (
        ("classifier", transformers.VideoMAEForVideoClassification, labels),
        ("pretrained", transformers.VideoMAEForPreTraining, {"use_mean_pooling": False}),
    ):
        model = kind(transformers.VideoMAEConfig(**SHAPE, **settings)).eval()
        with torch.no_grad():
            for weight in model.parameters():  # biases and norms that differ from those of others
                weight.add_(0.1 * torch.randn_like(weight))
            arguments = {"bool_masked_pos": hidden} if name == "pretrained" else {}
            answer = model(pixels, **arguments)
        said[f"{name}.logits"] = answer.logits
        if name == "pretrained":
            said["loss"] = answer.loss
        model.save_pretrained(here / name)
    save_file(said, here / "said.safetensors")


if __name__ == "__main__":
    main()
