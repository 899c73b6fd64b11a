"""Lists to evaluate on, and the names that their classes go by."""

from videomae2.commands.evaluate.dataset import load_eval_dataset
from videomae2.data.manifests.public_classes import load_public_classes
from videomae2.data.manifests.read import ListConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import SavedClassifierConfig


def test_names_of_kinetics_annotations_fit_a_model_of_the_released_ones(tmp_path):
    for name in ("hugging", "abseiling"):
        (tmp_path / "v" / name).mkdir(parents=True)
        (tmp_path / "v" / name / "a.mp4").touch()
    config = ClassifierConfig(encoder=EncoderConfig(size="tiny"), num_classes=400)
    card = SavedClassifierConfig(
        model=config,
        class_names=load_public_classes("kinetics-400"),
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
    )
    found = load_eval_dataset(
        tmp_path / "v", card, ListConfig(), class_names_source="names", model_name="it"
    )
    assert (found.truth.labels.tolist(), found.classes) == ([0, 158], card.class_names)
