"""Lists to evaluate on, and the names that their classes go by."""

from videomae2.data.known_classes import known_classes
from videomae2.jobs.evaluation.questions import read_questions
from videomae2.jobs.evaluation.settings import ListConfig
from videomae2.models.cards import ClassifierCard
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig


def test_names_of_kinetics_annotations_fit_a_model_of_the_released_ones(tmp_path):
    for name in ("hugging", "abseiling"):
        (tmp_path / "v" / name).mkdir(parents=True)
        (tmp_path / "v" / name / "a.mp4").touch()
    config = ClassifierConfig(encoder=EncoderConfig(size="tiny"), outputs=400)
    card = ClassifierCard(
        model=config, classes=known_classes("kinetics-400"), mean=(0.5,) * 3, std=(0.5,) * 3
    )
    found = read_questions(tmp_path / "v", card, ListConfig(), names_from="names", where="it")
    assert (found.labels.tolist(), found.classes) == ([0, 158], card.classes)
