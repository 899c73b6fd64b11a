"""Which position table a model starts with when its parent's clips had another size."""

from dataclasses import replace

import pytest
import torch

from tests.helpers.classifiers import (
    NAMES,
    classifier_config,
    saved_autoencoder,
    saved_classifier,
    small_classifier,
)
from tests.helpers.models import NARROW
from tests.helpers.official_names import classifier_to_official
from videomae2.errors import CheckpointError
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.init_from import InitConfig, init_classifier
from videomae2.models.weights.pretrained import Pretrained, resolve_encoder
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD
from videomae2.tensors.pos_embed import (
    build_axial_sinusoid,
    build_pos_embed,
    build_sinusoid,
    resample_pos_embed,
)

OWN = EncoderConfig(**NARROW | {"frames": 12, "height": 48, "width": 64})
GRID = (6, 6, 8)


def begun(path, own=OWN, pos_embed="auto"):
    """A classifier that started, and what was said of its positions."""
    encoder = resolve_encoder(own, pos_embed, path)
    model = Classifier(replace(classifier_config(), encoder=encoder))
    config = InitConfig(weights=path, pos_embed=pos_embed)
    return model, init_classifier(model, config, torch.Generator(), class_names=NAMES).remarks


def released(path, **changed):
    model = small_classifier(seed=8, **changed)
    torch.save({"model": classifier_to_official(model.state_dict(), model.cubes)}, path)
    return path


# ---- from models that say their size


@pytest.mark.parametrize("save", [saved_autoencoder, saved_classifier])
@pytest.mark.parametrize("kind", ["flat", "axes"])
def test_another_number_of_frames_and_another_side_resample_the_parents_table(tmp_path, save, kind):
    save(tmp_path / "run", pos_embed=kind)
    model, notes = begun(tmp_path / "run", replace(OWN, pos_embed=kind))
    fresh = build_sinusoid(64, 24) if kind == "flat" else build_axial_sinusoid((4, 4, 4), 24)
    assert torch.equal(model.encoder.pos_embed, resample_pos_embed(fresh, (4, 4, 4), GRID))
    assert model.config.encoder.pretrained_grid == (4, 4, 4)
    assert notes == ["positions: the table for 4x4x4 cubes, with which the weights were trained, "
                     "resampled to 6x6x8"]  # fmt: skip


def test_the_same_grid_has_the_same_table_and_nothing_is_said(tmp_path):
    parent = saved_autoencoder(tmp_path / "run")
    model, notes = begun(tmp_path / "run", parent.config.encoder)
    assert torch.equal(model.encoder.pos_embed, parent.encoder.pos_embed)
    assert (model.config.encoder.pretrained_grid, notes) == (None, [])


def test_a_fresh_table_is_a_choice_and_said(tmp_path):
    saved_autoencoder(tmp_path / "run")
    model, notes = begun(tmp_path / "run", pos_embed="reinit")
    assert torch.equal(model.encoder.pos_embed, build_sinusoid(6 * 6 * 8, 24))
    assert model.config.encoder == OWN
    assert notes == ["positions: a fresh table for 6x6x8 cubes, not the one for 4x4x4 cubes, with "
                     "which the weights were trained"]  # fmt: skip


def test_the_first_table_goes_through_generations(tmp_path):
    """Resampled once at most: from the grid on which the first parent was trained."""
    saved_classifier(tmp_path / "run", pretrained_grid=(4, 6, 6))  # on clips of 4x4x4 cubes
    model, notes = begun(tmp_path / "run")
    assert torch.equal(
        model.encoder.pos_embed, resample_pos_embed(build_sinusoid(144, 24), (4, 6, 6), GRID)
    )
    assert "the table for 4x6x6 cubes" in notes[0]
    back = replace(OWN, frames=8, height=48, width=48)
    model, notes = begun(tmp_path / "run", back)
    assert torch.equal(model.encoder.pos_embed, build_sinusoid(144, 24))
    assert model.config.encoder.pretrained_grid is None
    assert notes == ["positions: the table for 4x6x6 cubes, with which the weights were trained"]
    model, notes = begun(tmp_path / "run", replace(OWN, frames=8, height=32, width=32))
    assert torch.equal(
        model.encoder.pos_embed, resample_pos_embed(build_sinusoid(144, 24), (4, 6, 6), (4, 4, 4))
    )


def test_a_grid_that_is_named_must_be_the_parents(tmp_path):
    saved_autoencoder(tmp_path / "run")
    named = replace(OWN, pretrained_grid=(4, 4, 4))
    assert resolve_encoder(named, "auto", tmp_path / "run") == named
    with pytest.raises(CheckpointError, match=r"pretrained_grid is 6x6x8, but .*run was trained on "
                       r"4x4x4 cubes; leave pretrained_grid out, and for a fresh"):  # fmt: skip
        resolve_encoder(replace(OWN, pretrained_grid=GRID), "auto", tmp_path / "run")


def test_from_scratch_a_grid_stays_as_it_is():
    for own in (OWN, replace(OWN, pretrained_grid=(4, 4, 4))):
        assert resolve_encoder(own, "auto", None) == own


# ---- from released files


def test_a_released_file_is_of_16_frames_of_224_pixels(tmp_path):
    path = released(tmp_path / "a.pth", frames=16, height=224, width=224)
    model, notes = begun(path)
    want = resample_pos_embed(build_sinusoid(8 * 28 * 28, 24), (8, 28, 28), GRID)
    assert torch.equal(model.encoder.pos_embed, want)
    assert notes == [
        "positions: the table for 8x28x28 cubes, with which the weights were trained, resampled to "
        "6x6x8",
        "(the file does not say it: clips of 16x224x224, as of released models)",
    ]
    model, notes = begun(path, replace(OWN, frames=16, height=224, width=224))
    assert (model.config.encoder.pretrained_grid, notes) == (None, [])


def test_what_a_released_file_does_not_say_may_be_said_for_it(tmp_path):
    path = released(tmp_path / "a.pth", frames=8, height=32, width=32)
    model, notes = begun(path, replace(OWN, pretrained_grid=(4, 4, 4)))
    assert torch.equal(
        model.encoder.pos_embed, build_pos_embed(GRID, 24, pretrained_grid=(4, 4, 4))
    )
    assert notes == ["positions: the table for 4x4x4 cubes, with which the weights were trained, "
                     "resampled to 6x6x8"]  # fmt: skip
    assert begun(path, replace(OWN, pretrained_grid=GRID))[1] == []
    model, notes = begun(path, pos_embed="reinit")
    assert torch.equal(model.encoder.pos_embed, build_sinusoid(6 * 6 * 8, 24))
    assert notes == ["positions: a fresh table for 6x6x8 cubes, not the one for 8x28x28 cubes, "
                     "with which the weights were trained"]  # fmt: skip


def test_cubes_that_no_released_model_has_must_be_said(tmp_path):
    path, own = (
        released(tmp_path / "a.pth", patch_size=16),
        replace(OWN, frames=6, tubelet_size=3, patch_size=16),
    )
    with pytest.raises(CheckpointError, match=r"a.pth does not say on which cubes it was trained"):
        resolve_encoder(own, "auto", path)
    assert resolve_encoder(own, "reinit", path) == own


@pytest.mark.parametrize(
    ("size", "trained", "grid"),
    [("giant", (8, 16, 16), (32, 19, 19)), ("base", (8, 14, 14), (32, 16, 16))],
)
def test_released_sizes_with_64_frames(tmp_path, size, trained, grid):
    side = 266 if size == "giant" else 256
    own = EncoderConfig(size=size, frames=64, height=side, width=side)
    model = ClassifierConfig(encoder=EncoderConfig(size=size))
    card = SavedClassifierConfig(model=model, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    parent = Pretrained(path=tmp_path / "a.pth", state={}, config=card, says_clips=False)
    found = resolve_encoder(own, "auto", parent)
    assert (found.pretrained_grid, found.cubes.grid) == (trained, grid)
