"""Teachers: found in runs, saved models and released files; refused where they cannot teach."""

from dataclasses import replace

import pytest
import torch

from tests.models.small_classifier import NAMES, all_cubes, saved_autoencoder, saved_classifier
from videomae2.errors import CheckpointError
from videomae2.models.cards import ClassifierCard
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.initial import initialise_classifier
from videomae2.models.released import classifier_to_released
from videomae2.models.saved import save_model
from videomae2.models.teachers import check_same_clips, find_teacher
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

CPU = torch.device("cpu")


def test_a_saved_classifier(tmp_path):
    saved = saved_classifier(tmp_path / "m", head_dropout=0.5)
    teacher = find_teacher(tmp_path / "m")
    assert teacher.card.classes == NAMES
    model = teacher.load(CPU)
    assert not model.training
    assert not any(weight.requires_grad for weight in model.parameters())
    values = all_cubes(saved)
    assert torch.equal(model(values), saved.eval()(values))


def test_of_a_run_the_best_teaches(tmp_path):
    for place in ("checkpoints/step-00000008", "best"):
        (tmp_path / place).mkdir(parents=True)
        saved_classifier(tmp_path / place)
    assert find_teacher(tmp_path).path == tmp_path / "best"


def test_the_digest_names_the_weights(tmp_path):
    saved_classifier(tmp_path / "a")
    saved_classifier(tmp_path / "b")
    a, b = find_teacher(tmp_path / "a"), find_teacher(tmp_path / "b")
    assert a.digest() == b.digest() == find_teacher(tmp_path / "a").digest()
    model = b.load(CPU)
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] += 1
    save_model(tmp_path / "b", model.state_dict(), b.card)
    assert find_teacher(tmp_path / "b").digest() != a.digest()


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A ViT of a known size in a file of the released kind."""
    config = ClassifierConfig(encoder=EncoderConfig(size="tiny"), outputs=7)
    model = Classifier(config)
    initialise_classifier(model, torch.Generator().manual_seed(1))
    path = tmp_path_factory.mktemp("released") / "ft.pth"
    state = classifier_to_released(model.state_dict(), model.cubes)
    torch.save({"module": state}, path)
    return path, model


def test_a_released_file_tells_its_size_by_its_weights(released):
    path, model = released
    teacher = find_teacher(path)
    assert teacher.card.model.encoder == model.config.encoder
    assert (teacher.card.model.outputs, teacher.card.model.pooling) == (7, "mean")
    assert teacher.card.classes is None
    assert (teacher.card.mean, teacher.card.std) == (IMAGENET_MEAN, IMAGENET_STD)
    assert teacher.path == path
    assert len(teacher.digest()) == 16
    loaded = teacher.load(CPU).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())


def test_who_has_no_head_cannot_teach(tmp_path, released):
    saved_autoencoder(tmp_path / "pretrained")
    with pytest.raises(CheckpointError, match="holds an autoencoder, not the classifier"):
        find_teacher(tmp_path / "pretrained")
    saved_classifier(tmp_path / "m", classes=None, outputs=0)
    with pytest.raises(CheckpointError, match="has no head, so it has nothing to say"):
        find_teacher(tmp_path / "m")
    _, model = released
    state = classifier_to_released(model.state_dict(), model.cubes)
    torch.save({n: v for n, v in state.items() if "head" not in n}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=r"x.pth has no head"):
        find_teacher(tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="gone does not exist"):
        find_teacher(tmp_path / "gone")


@pytest.mark.parametrize(("name", "value"), [("frames", 4), ("height", 16), ("width", 64)])
def test_a_student_of_other_clips_is_refused_with_both_sizes(tmp_path, name, value):
    saved_classifier(tmp_path / "m")
    teacher = find_teacher(tmp_path / "m")
    own = teacher.card.model.encoder
    check_same_clips(replace(own, depth=1, dim=12, heads=1), teacher, name="s")
    other = replace(own, **{name: value})
    sizes = [f"{e.frames}x{e.height}x{e.width} of 3 channels" for e in (other, own)]
    with pytest.raises(CheckpointError) as caught:
        check_same_clips(other, teacher, name="s")
    assert all(size in str(caught.value) for size in sizes)
    assert isinstance(teacher.card, ClassifierCard)
