"""Classifiers: found in runs, saved models and released files; named, selected, and refused."""

import hashlib
import json
from dataclasses import replace

import pytest
import torch

from tests.helpers.classifiers import (
    NAMES,
    all_cubes,
    saved_autoencoder,
    saved_classifier,
    small_classifier,
)
from tests.helpers.official_names import classifier_to_official, to_official
from tests.helpers.released_files import (
    FRAMES,
    RELEASED_ROWS,
    SIDE,
    WRAPPED,
    drawn_classifier,
    save_released,
)
from videomae2.data.manifests.public_classes import load_public_classes
from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.head import TargetScaler
from videomae2.models.weights.resolve import (
    load_classifier,
    resolve_classifier,
)
from videomae2.models.weights.saved import save_model
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

CPU = torch.device("cpu")
SIX = ("a", "b", "c", "d", "e", "f")


def in_file(path, **changed):
    """Find one in a file of small clips."""
    return resolve_classifier(path, **{"frames": FRAMES, "side": SIDE} | changed)


def assert_same(loaded, model):
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


# ---- runs and saved models


def test_a_saved_classifier(tmp_path):
    saved = saved_classifier(tmp_path / "m", head_drop_rate=0.5)
    found = resolve_classifier(tmp_path / "m")
    assert found.config.class_names == NAMES
    model = found.load(CPU)
    assert not model.training
    values = all_cubes(saved)
    assert torch.equal(model(values), saved.eval()(values))


def test_of_a_run_the_best_is_taken(tmp_path):
    for place in ("checkpoints/step-00000008", "best"):
        (tmp_path / place).mkdir(parents=True)
        saved_classifier(tmp_path / place)
    found = resolve_classifier(tmp_path)
    assert (found.path, found.run) == (tmp_path / "best", tmp_path)


def test_the_digest_names_the_weights(tmp_path):
    saved_classifier(tmp_path / "a")
    saved_classifier(tmp_path / "b")
    a, b = resolve_classifier(tmp_path / "a"), resolve_classifier(tmp_path / "b")
    assert (
        a.compute_digest()
        == b.compute_digest()
        == resolve_classifier(tmp_path / "a").compute_digest()
    )
    model = b.load(CPU)
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] += 1
    save_model(tmp_path / "b", model.state_dict(), b.config)
    assert resolve_classifier(tmp_path / "b").compute_digest() != a.compute_digest()


# ---- released files


@pytest.mark.parametrize("wrap", WRAPPED)
def test_released_files_of_every_layout_are_read(tmp_path, wrap):
    model = drawn_classifier()
    found = in_file(save_released(tmp_path / "x.pth", model, wrap=wrap))
    assert_same(found.load(CPU), model)
    assert (found.config.model.num_classes, found.config.model.global_pool) == (6, "avg")
    assert (found.config.class_names, found.config.frame_sampling, found.run) == (
        None,
        None,
        None,
    )
    assert (found.config.mean, found.config.std) == (IMAGENET_MEAN, IMAGENET_STD)
    assert str(found) == f"{tmp_path / 'x.pth'} (released file)"


@pytest.mark.parametrize("name", ["x.pth", "x.bin", "x.pt", "x.safetensors"])
def test_half_precision_of_any_ending_is_read(tmp_path, name):
    model = drawn_classifier()
    found = in_file(save_released(tmp_path / name, model, half=True)).load(CPU)
    assert found.head.weight.dtype == torch.float32
    assert torch.equal(found.head.weight, model.head.weight.half().float())


def test_a_released_file_is_read_once(tmp_path):
    """What told its kind is what is loaded; only who loads it again reads it again."""
    model = drawn_classifier()
    path = save_released(tmp_path / "x.pth", model)
    found = in_file(path)
    path.unlink()
    assert_same(found.load(CPU), model)
    with pytest.raises(CheckpointError, match="cannot read"):
        found.load(CPU)


def test_a_released_file_is_of_16_frames_of_224_pixels_if_nobody_says_others(tmp_path):
    model = drawn_classifier(frames=16, side=224)
    path = save_released(tmp_path / "x.pth", model)
    assert resolve_classifier(path).config.model.encoder == model.config.encoder
    longer = resolve_classifier(path, frames=32)
    assert longer.config.model.encoder.frames == 32
    assert longer.compute_digest() != resolve_classifier(path).compute_digest()


def test_clips_that_cannot_be_are_refused(tmp_path):
    path = save_released(tmp_path / "x.pth", drawn_classifier())
    with pytest.raises(CheckpointError, match=r"x\.pth cannot read such clips: .*5"):
        in_file(path, frames=5)
    state = classifier_to_official(drawn_classifier().state_dict(), drawn_classifier().cubes)
    torch.save(state | {"pos_embed": torch.zeros(1, 64, 192)}, path)
    with pytest.raises(CheckpointError, match=r"has places for 64 cubes, and clips of 16x224x224"):
        resolve_classifier(path)
    saved_classifier(tmp_path / "m")
    with pytest.raises(CheckpointError, match="says itself of which clips it is; leave --frames"):
        in_file(tmp_path / "m")
    with pytest.raises(CheckpointError, match="all of its weights are used; leave --weights"):
        in_file(path, weights="raw")


def test_heads_at_a_width_that_nobody_knows_are_asked_for(tmp_path):
    path = save_released(tmp_path / "x.pth", small_classifier())
    with pytest.raises(
        CheckpointError,
        match=r"how many attention heads its encoder of width 24 has; .* OUT --num-heads N",
    ):
        resolve_classifier(path)


# ---- what is no classifier


def test_pretraining_says_what_to_do(tmp_path):
    saved_autoencoder(tmp_path / "pretrained")
    with pytest.raises(CheckpointError, match=r"pretrained holds an autoencoder.*fine-tune it"):
        resolve_classifier(tmp_path / "pretrained")
    parent = Autoencoder(AutoencoderConfig(encoder=EncoderConfig(size="tiny", height=64, width=64)))
    torch.save({"model": to_official(parent.state_dict(), parent.cubes)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=r"a\.pth is of pre-training.*finetune … --init\.w"):
        resolve_classifier(tmp_path / "a.pth")


def test_who_has_no_head_says_nothing_about_classes(tmp_path):
    saved_classifier(tmp_path / "m", classes=None, outputs=0)
    path = save_released(tmp_path / "x.pth", drawn_classifier(outputs=0, frames=16, side=224))
    for place in (tmp_path / "m", path):
        with pytest.raises(CheckpointError, match="has no head, so it has nothing to say"):
            resolve_classifier(place)
        model, card = load_classifier(place, CPU)
        assert (model.head, card.model.num_classes) == (None, 0)


def test_what_is_not_there_or_no_weights(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone does not exist; give .* weights of"):
        resolve_classifier(tmp_path / "gone")
    with pytest.raises(CheckpointError, match="holds neither a model nor checkpoints"):
        resolve_classifier(tmp_path)
    (tmp_path / "video.mp4").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match=r"cannot read .*video\.mp4"):
        resolve_classifier(tmp_path / "video.mp4")


# ---- names and selections


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    """A released file of six outputs, and its model."""
    model = drawn_classifier()
    return save_released(tmp_path_factory.mktemp("six") / "x.pth", model), model


def test_names_are_given_to_a_file_and_counted(six):
    found = in_file(six[0]).with_class_names(SIX, source="six.txt")
    assert (found.config.class_names, found.class_names_source) == (SIX, "six.txt")
    with pytest.raises(CheckpointError, match="has 6 outputs, but 5 names were given for them"):
        in_file(six[0]).with_class_names(SIX[:5], source="x")


def test_names_of_a_model_that_has_some_must_be_the_same(tmp_path):
    saved_classifier(tmp_path / "m")
    found = resolve_classifier(tmp_path / "m")
    assert found.with_class_names(NAMES, source="x") == found
    with pytest.raises(CheckpointError, match="the same names in another order"):
        found.with_class_names(NAMES[::-1], source="x")


def test_a_selection_is_rows_of_the_head_in_its_order(six):
    path, model = six
    found = (
        in_file(path).with_class_names(SIX, source="six").select_classes(("e", "b"), source="two")
    )
    assert (found.config.class_names, found.config.model.num_classes, found.head_index) == (
        ("e", "b"),
        2,
        (4, 1),
    )
    assert found.outputs_summary == "2 of its 6, those of two"
    assert found.config.metadata["selected"] == {"outputs": 2, "of": 6, "as": "two"}
    loaded, values = found.load(CPU), all_cubes(model)
    whole = model.eval()(values)
    assert torch.allclose(loaded(values), whole[:, [4, 1]], atol=1e-6)


def test_what_a_selection_lacks_is_named(six):
    named = in_file(six[0]).with_class_names(SIX, source="six")
    with pytest.raises(CheckpointError, match="6 outputs, and lacks 2 of 3: x, y"):
        named.select_classes(("y", "b", "x"), source="three")
    with pytest.raises(CheckpointError, match="have no names to select by"):
        in_file(six[0]).select_classes(("b",), source="one")


def test_the_digest_covers_names_and_selection(six):
    found = in_file(six[0])
    named, other = (found.with_class_names(names, source="x") for names in (SIX, SIX[::-1]))
    digests = [
        one.compute_digest()
        for one in (
            found,
            named,
            other,
            named.select_classes(("a", "b"), source="x"),
            named.select_classes(("b", "a"), source="x"),
            other.select_classes(("a", "b"), source="x"),
        )
    ]
    assert len(set(digests)) == len(digests)
    assert (
        in_file(six[0]).with_class_names(SIX, source="elsewhere").compute_digest()
        == named.compute_digest()
    )


@pytest.mark.parametrize("count", RELEASED_ROWS)
def test_selections_of_kinetics_710_are_the_released_ones(tmp_path, count):
    path = save_released(tmp_path / "k710.pth", drawn_classifier(710), half=True)
    found = in_file(path).with_class_names(
        load_public_classes("kinetics-710"), source="kinetics-710"
    )
    found = found.select_classes(
        load_public_classes(f"kinetics-{count}"), source=f"kinetics-{count}"
    )
    digest, first = RELEASED_ROWS[count]
    assert list(found.head_index[:5]) == first
    assert hashlib.sha256(json.dumps(found.head_index).encode()).hexdigest()[:32] == digest
    assert found.load(CPU).head.weight.shape == (count, 192)


def test_numbers_keep_their_scale(tmp_path):
    model = saved_classifier(tmp_path / "m", classes=("x", "y"), outputs=2)
    card = resolve_classifier(tmp_path / "m").config
    scale = TargetScaler(mean=(1.0, 2.0), std=(3.0, 4.0))
    card = replace(card, task_type="regression", target_scaler=scale)
    save_model(tmp_path / "m", model.state_dict(), card)
    found = resolve_classifier(tmp_path / "m").select_classes(("y",), source="one")
    assert found.config.target_scaler == TargetScaler(mean=(2.0,), std=(4.0,))


@pytest.mark.parametrize("name", ["list.csv", "model.pth", "model.safetensors"])
def test_what_is_no_file_of_weights_is_told_in_one_sentence(tmp_path, name):
    """PyTorch's own text has five lines and advises to load what may be harmful."""
    (tmp_path / name).write_text("path,label\na.mp4,run\n")
    with pytest.raises(CheckpointError) as caught:
        resolve_classifier(tmp_path / name)
    assert str(caught.value).startswith(f"cannot read {tmp_path / name}: ")
    assert len(str(caught.value).splitlines()) == 1
    assert "weights_only" not in str(caught.value)


def test_a_pickle_of_more_than_tensors_is_not_loaded(tmp_path):
    torch.save({"model": {"w": torch.zeros(1)}, "extra": tmp_path.joinpath}, tmp_path / "a.pth")
    with pytest.raises(
        CheckpointError,
        match=r"holds __builtin__.getattr, pathlib.* beside tensors, which may run code",
    ):
        resolve_classifier(tmp_path / "a.pth")
