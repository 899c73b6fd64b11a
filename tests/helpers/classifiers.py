"""Narrow classifiers, cubes for them to read, and parents for them to start from."""

import torch

from tests.helpers.models import NARROW, small_model
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.init import init_classifier_weights
from videomae2.models.weights.config_json import SavedAutoencoderConfig, SavedClassifierConfig
from videomae2.models.weights.saved import save_model
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

NAMES = ("jump", "run", "sit", "walk", "wave")
STATISTICS = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}


def classifier_config(outputs=5, *, global_pool="avg", head_drop_rate=0.0, **encoder):
    return ClassifierConfig(
        encoder=EncoderConfig(**NARROW | encoder),
        num_classes=outputs,
        global_pool=global_pool,
        head_drop_rate=head_drop_rate,
    )


def small_classifier(outputs=5, *, seed=0, **changed):
    """One with weights from a seed, of which none is 0 or 1 by construction."""
    model = Classifier(classifier_config(outputs, **changed))
    generator = torch.Generator().manual_seed(seed)
    init_classifier_weights(model, generator)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    return model


def all_cubes(model, *, batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, model.cubes.tokens, model.cubes.values, generator=generator)


def saved_autoencoder(folder, **changed):
    """Save a pre-trained model, and give it."""
    folder.mkdir(exist_ok=True)
    model = small_model(seed=7, **changed)
    save_model(folder, model.state_dict(), SavedAutoencoderConfig(model=model.config, **STATISTICS))
    return model


def saved_classifier(folder, classes=NAMES, outputs=5, notes=None, **changed):
    """Save a classifier, and give it."""
    folder.mkdir(exist_ok=True)
    model = small_classifier(outputs, seed=8, **changed)
    channels = model.config.encoder.channels
    statistics = {name: values[:channels] for name, values in STATISTICS.items()}
    card = SavedClassifierConfig(
        model=model.config, class_names=classes, metadata=notes or {}, **statistics
    )
    save_model(folder, model.state_dict(), card)
    return model
