"""Files of the released kind: made classifiers in every layout, and what is known of real ones."""

from argparse import Namespace
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.helpers.official_names import classifier_to_official
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.init import init_classifier_weights

RELEASED_ROWS = {
    400: ("e2b35a012f378f1bad5541f8b17ad854", [341, 158, 189, 16, 398]),
    600: ("ecf2dcefec5043154f24d1d711269235", [121, 562, 518, 124, 188]),
    700: ("fee67f2624b46e6c7342d47763da786a", [363, 481, 594, 215, 295]),
}
"""Half a digest and the first entries of the released label_710to400.json and its siblings."""

WRAPPED = {
    "bare": lambda state: state,
    "model and arguments": lambda s: {"model": s, "epoch": "best", "args": Namespace(lr=1.0)},
    "module": lambda s: {"module": s},
    "compiled": lambda s: {"model": {f"_orig_mod.{n}": v for n, v in s.items()}},
    "parallel and Hugging Face": lambda s: {f"module.model.{n}": v for n, v in s.items()},
    "an encoder as backbone": lambda s: {
        n if n.startswith(("head.", "fc_norm.")) else f"backbone.{n}": v for n, v in s.items()
    },
    "backbone": lambda s: {"module": {f"backbone.{n}": v for n, v in s.items()}},
}

FRAMES, SIDE = 8, 32
"""Clips of small files, which do not say so."""


def drawn_classifier(outputs=6, *, seed=1, size="tiny", frames=FRAMES, side=SIDE) -> Classifier:
    """A model of a known size with opinions."""
    encoder = EncoderConfig(size=size, frames=frames, height=side, width=side)
    model = Classifier(ClassifierConfig(encoder=encoder, num_classes=outputs))
    generator = torch.Generator().manual_seed(seed)
    init_classifier_weights(model, generator)
    if model.head is not None:
        with torch.no_grad():
            model.head.weight.copy_(0.2 * torch.randn(model.head.weight.shape, generator=generator))
            model.head.bias.copy_(torch.randn(outputs, generator=generator))
    return model


def save_released(path: Path, model: Classifier, *, wrap="module", half=False) -> Path:
    """Save a model under released names; half halves the precision of the file alone."""
    state = {
        name: value.half() if half else value
        for name, value in classifier_to_official(model.state_dict(), model.cubes).items()
    }
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(WRAPPED[wrap](state), path)
    return path
