"""Lists to evaluate on, and the names that their classes go by."""

from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.dataset import load_dataset_and_views
from videomae2.data.manifests.public_classes import load_public_classes
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.model_ref import ModelRef


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
    ref = ModelRef(path=tmp_path / "model", config=card, reason="as named")
    found, _ = load_dataset_and_views(ref, tmp_path / "v", EvaluateConfig(), model_name="it")
    assert (found.truth.labels.tolist(), found.classes) == ([0, 158], card.class_names)
