"""Encoders from anything: a run, a classifier, a released file; and the features they give."""

import pytest
import torch
from safetensors.torch import save_file

from tests.helpers.classifiers import (
    saved_autoencoder,
    saved_classifier,
    small_classifier,
)
from tests.helpers.official_names import classifier_to_official, to_official
from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig, DecoderConfig
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.init import init_autoencoder_weights, init_classifier_weights
from videomae2.models.weights.frozen_encoder import draw_random_encoder, load_frozen_encoder
from videomae2.models.weights.model_ref import EMA_FILE
from videomae2.models.weights.resolve import resolve_classifier
from videomae2.tensors import grid

CUBES = torch.randint(0, 256, (2, 64, 2 * 8 * 8 * 3), dtype=torch.uint8)
TINY = EncoderConfig(size="tiny", frames=16, height=224, width=224)


def features(frozen, cubes=CUBES):
    return frozen.pool(frozen.encode(grid.join(cubes, frozen.encoder.cubes)))


def test_a_pre_trained_run_is_normed_token_by_token(tmp_path):
    model = saved_autoencoder(tmp_path / "run").eval()
    frozen = load_frozen_encoder(tmp_path / "run")
    seen = (CUBES.float() / 255).unflatten(2, (-1, 3))
    seen = ((seen - frozen.normalize.mean) / frozen.normalize.std).flatten(2)
    found = features(frozen)
    torch.testing.assert_close(found[:, 1], model.encoder(seen).mean(dim=1))
    model.encoder.norm = torch.nn.Identity()
    torch.testing.assert_close(found[:, 0], model.encoder(seen).mean(dim=1))
    assert frozen.norm_input == "tokens"


def test_a_classifier_is_normed_behind_the_mean(tmp_path):
    model = saved_classifier(tmp_path / "a").eval()
    frozen = load_frozen_encoder(tmp_path / "a")
    seen = (CUBES.float() / 255).unflatten(2, (-1, 3))
    seen = ((seen - frozen.normalize.mean) / frozen.normalize.std).flatten(2)
    found = features(frozen)
    torch.testing.assert_close(found[:, 1], model.forward_features(seen))
    torch.testing.assert_close(found[:, 0], model.encoder(seen).mean(dim=1))
    assert frozen.norm_input == "mean"


def test_a_classifier_of_the_first_token_has_its_norm_in_the_encoder(tmp_path):
    saved_classifier(tmp_path / "a", global_pool="token")
    assert load_frozen_encoder(tmp_path / "a").norm_input == "tokens"


def released(path, kind):
    generator = torch.Generator().manual_seed(0)
    if kind == "classifier":
        model = Classifier(ClassifierConfig(encoder=TINY, num_classes=3))
        init_classifier_weights(model, generator)
        state = classifier_to_official(model.state_dict(), model.cubes)
    else:
        model = Autoencoder(AutoencoderConfig(encoder=TINY, decoder=DecoderConfig(depth=1)))
        init_autoencoder_weights(model, generator)
        state = to_official(model.state_dict(), model.cubes)
    torch.save({"model": state}, path)
    return model


@pytest.mark.parametrize("kind", ["classifier", "pretrained"])
def test_a_released_file_tells_its_size_by_its_weights(tmp_path, kind):
    model = released(tmp_path / "weights.pth", kind)
    frozen = load_frozen_encoder(tmp_path / "weights.pth")
    assert frozen.encoder.config == TINY
    for name, value in frozen.encoder.state_dict().items():
        assert torch.equal(value, model.encoder.state_dict()[name])


def test_another_size_of_clips_resamples_the_positions(tmp_path):
    released(tmp_path / "weights.pth", "classifier")
    frozen = load_frozen_encoder(tmp_path / "weights.pth", frames=4, side=32)
    assert frozen.encoder.cubes.grid == (2, 4, 4)
    assert frozen.encoder.config.pretrained_grid == TINY.cubes.grid
    with pytest.raises(CheckpointError, match="cannot read such clips: frames=5"):
        load_frozen_encoder(tmp_path / "weights.pth", frames=5)


def test_heads_that_no_file_says_are_asked_for(tmp_path):
    model = small_classifier()
    save_file(classifier_to_official(model.state_dict(), model.cubes), tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"heads its encoder of width 24 has; .* --num-heads"):
        load_frozen_encoder(tmp_path / "a.safetensors")


def test_a_file_without_a_transformer_is_refused(tmp_path):
    save_file({"a": torch.zeros(3)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="holds no video transformer"):
        load_frozen_encoder(tmp_path / "a.safetensors")


def test_the_running_mean_is_taken_where_it_is_asked_for(tmp_path):
    model = saved_autoencoder(tmp_path / "run")
    with pytest.raises(CheckpointError, match="has no running mean"):
        load_frozen_encoder(tmp_path / "run", use_ema=True)
    doubled = {n: 2 * p.detach() for n, p in model.named_parameters()}
    save_file(doubled, tmp_path / "run" / EMA_FILE)
    for use_mean, times in ((False, 1), (True, 2)):
        frozen = load_frozen_encoder(tmp_path / "run", use_ema=use_mean)
        weight = frozen.encoder.patch_embed.proj.weight
        assert torch.equal(weight, times * model.encoder.patch_embed.proj.weight)


def test_the_digest_tells_weights_and_sizes_apart(tmp_path):
    saved_classifier(tmp_path / "a")
    digest = load_frozen_encoder(tmp_path / "a").digest
    assert load_frozen_encoder(tmp_path / "a").digest == digest
    assert load_frozen_encoder(tmp_path / "a", frames=4).digest != digest
    saved_autoencoder(tmp_path / "b")
    assert load_frozen_encoder(tmp_path / "b").digest != digest


@pytest.mark.parametrize("clip", [{"frames": 0}, {"side": 0}])
def test_a_clip_of_nothing_is_refused(tmp_path, clip):
    saved_classifier(tmp_path / "a")
    with pytest.raises(CheckpointError, match="cannot read such clips"):
        load_frozen_encoder(tmp_path / "a", **clip)
    released(tmp_path / "a.pth", "classifier")
    with pytest.raises(CheckpointError, match="cannot read such clips"):
        resolve_classifier(tmp_path / "a.pth", **clip)


def test_a_table_of_positions_that_was_learnt_is_not_left_out_in_silence(tmp_path):
    released(tmp_path / "a.pth", "classifier")
    state = torch.load(tmp_path / "a.pth")["model"]
    torch.save({"model": state | {"pos_embed": torch.zeros(1, 1568, 384)}}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="pos_embed"):
        load_frozen_encoder(tmp_path / "a.pth")


@pytest.mark.parametrize("pooling", ["avg", "slots", "token", "pretrained"])
def test_the_mean_of_the_slots_is_the_mean_and_each_is_of_its_time(tmp_path, pooling):
    if pooling == "pretrained":
        saved_autoencoder(tmp_path / "a")
    else:
        saved_classifier(tmp_path / "a", global_pool=pooling)
    frozen = load_frozen_encoder(tmp_path / "a")
    tokens = torch.randn(3, frozen.encoder.cubes.tokens, 24)
    slots, mean = frozen.pool_slots(tokens), frozen.pool(tokens)
    assert slots.shape == (3, 2, frozen.encoder.cubes.grid[0], 24)
    torch.testing.assert_close(slots[:, 0].mean(dim=1), mean[:, 0])
    if pooling != "avg":  # there the norm comes behind the mean of all
        torch.testing.assert_close(slots[:, 1].mean(dim=1), mean[:, 1])
    changed = tokens.clone()
    changed[:, : frozen.encoder.cubes.tokens // frozen.encoder.cubes.grid[0]] += 1
    moved = (frozen.pool_slots(changed) - slots).abs().amax(dim=(0, 1, 3)) > 1e-3
    assert moved.tolist() == [True] + [False] * (len(moved) - 1)


def test_what_a_classifier_of_time_slots_reads_is_what_is_probed(tmp_path):
    model = saved_classifier(tmp_path / "a", global_pool="slots").eval()
    frozen = load_frozen_encoder(tmp_path / "a")
    tokens = torch.randn(2, model.cubes.tokens, 24)
    wanted = torch.cat([model.fc_norm(s.mean(1)) for s in tokens.chunk(4, dim=1)], dim=1)
    torch.testing.assert_close(frozen.pool_slots(tokens)[:, 1].flatten(1), wanted)
    assert frozen.norm_input == "slots"


def test_random_weights_compute_the_same_from_fresh_ones(tmp_path):
    saved_autoencoder(tmp_path / "a")
    frozen = load_frozen_encoder(tmp_path / "a")
    one, same, other = (
        draw_random_encoder(frozen, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert one.digest == same.digest
    assert len({frozen.digest, one.digest, other.digest}) == 3
    assert one.encoder.config == frozen.encoder.config
    for name, value in one.encoder.state_dict().items():
        assert torch.equal(value, same.encoder.state_dict()[name]), name
        assert value.ndim == 1 or not torch.equal(value, frozen.encoder.state_dict()[name]), name
        assert torch.isfinite(value).all()
