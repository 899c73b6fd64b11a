"""VideoMAE of transformers: side by side, both layouts of its biases, and back."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from einops import rearrange
from safetensors.torch import load_file, save_file

from videomae2.errors import CheckpointError
from videomae2.models.weights.formats.read import read_foreign
from videomae2.models.weights.formats.write import build_foreign, write_foreign
from videomae2.models.weights.resolve import load_autoencoder, load_classifier
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask, compute_pixel_loss
from videomae2.tensors import grid, tokens
from videomae2.tensors.clips import Clips
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

transformers = pytest.importorskip("transformers")

CPU = torch.device("cpu")
BOUND = 2e-5
VERSION_4 = Path(__file__).parent / "transformers4"
SHAPE = {
    "image_size": 32, "patch_size": 8, "num_frames": 4, "hidden_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 3, "intermediate_size": 60, "decoder_hidden_size": 16,
    "decoder_num_hidden_layers": 2, "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 20,
}  # fmt: skip
NAMES = ("sit", "walk", "wave")
LABELS = {"id2label": dict(enumerate(NAMES)), "label2id": {n: i for i, n in enumerate(NAMES)}}
KINDS = {
    "classifier": (transformers.VideoMAEForVideoClassification, LABELS),
    "first token": (transformers.VideoMAEForVideoClassification, {"use_mean_pooling": False}),
    "rectangle": (transformers.VideoMAEForVideoClassification, {"image_size": [32, 48]}),
    "pre-training": (transformers.VideoMAEForPreTraining, {"use_mean_pooling": False}),
    "pre-training, plain pixels": (
        transformers.VideoMAEForPreTraining, {"use_mean_pooling": False, "norm_pix_loss": False}
    ),
    "pre-training without a norm": (transformers.VideoMAEForPreTraining, {}),
    "encoder": (transformers.VideoMAEModel, {"use_mean_pooling": False}),
    "encoder without a norm": (transformers.VideoMAEModel, {}),
    "without biases": (transformers.VideoMAEForVideoClassification, {"qkv_bias": False}),
    "larger epsilon": (transformers.VideoMAEForVideoClassification, {"layer_norm_eps": 1e-3}),
}  # fmt: skip


def build(kind, seed=0):
    """A random model that differs from others in every weight."""
    torch.manual_seed(seed)
    make, settings = KINDS[kind]
    model = make(transformers.VideoMAEConfig(**SHAPE | settings)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return model


def clip_for(model, batch=2):
    size = model.config.image_size
    size = size if isinstance(size, list | tuple) else (size, size)
    return torch.randint(0, 256, (batch, 4, *size, 3), dtype=torch.uint8)


def normalise(pixels):
    values = (pixels / 255 - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD)
    return values, rearrange(values, "b t h w c -> b t c h w")


def compare_classifier(theirs, folder):
    ours, card = load_classifier(folder, CPU)
    values, pixels = normalise(clip_for(theirs))
    with torch.no_grad():
        want = theirs(pixels)
        cubes = grid.split(values, ours.cubes)
        if "logits" in want:
            torch.testing.assert_close(ours(cubes), want.logits, atol=BOUND, rtol=0)
        else:
            torch.testing.assert_close(
                ours.encoder(cubes), want.last_hidden_state, atol=BOUND, rtol=0
            )
    return card


def compare_pretraining(theirs, folder):
    ours, card = load_autoencoder(folder, CPU)
    pixels = clip_for(theirs)
    hidden = torch.zeros(2, ours.cubes.tokens, dtype=torch.bool)
    hidden.scatter_(1, torch.rand(hidden.shape).argsort(dim=1)[:, :20], True)
    masking = MaskingConfig(
        encoder_mask_ratio=0.6, decoder="none", **card.metadata.get("masking", {})
    )
    task = PretrainTask(ours, masking)
    clips = Clips(pixels, torch.zeros(2, dtype=torch.int64), torch.ones(2))
    with torch.no_grad():
        predicted, target = task.predict(clips, tokens.split_v1(hidden, 20))
        loss = compute_pixel_loss(predicted, target, None, clips.weights)
        want = theirs(normalise(pixels)[1], bool_masked_pos=hidden)
    torch.testing.assert_close(predicted, want.logits, atol=BOUND, rtol=0)
    torch.testing.assert_close(loss, want.loss, atol=BOUND, rtol=0)
    return card


def compare(kind, theirs, folder):
    is_pretraining = kind.startswith("pre-training")
    return (compare_pretraining if is_pretraining else compare_classifier)(theirs, folder)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_the_same_side_by_side(tmp_path, kind):
    theirs = build(kind)
    theirs.save_pretrained(tmp_path / "hf")
    card = compare(kind, theirs, tmp_path / "hf")
    assert (card.mean, card.std) == (IMAGENET_MEAN, IMAGENET_STD)
    if kind == "classifier":
        assert card.class_names == NAMES
    elif kind == "first token":
        assert (card.class_names, card.model.global_pool) == (None, "token")
    assert card.model.encoder.norm_eps[0] == theirs.config.layer_norm_eps


@pytest.mark.parametrize(
    "kind",
    [
        kind
        if kind in ("classifier", "pre-training", "without biases")
        else pytest.param(kind, marks=pytest.mark.slow)
        for kind in KINDS
    ],
)
def test_back_to_transformers_it_is_the_same_to_the_bit(tmp_path, kind):
    theirs = build(kind)
    theirs.save_pretrained(tmp_path / "hf")
    model = read_foreign(tmp_path / "hf")
    state = model.load_state()
    files = build_foreign(state, model.config, "transformers")
    write_foreign(tmp_path / "back", files, state, model.config)
    again, loading = type(theirs).from_pretrained(tmp_path / "back", output_loading_info=True)
    assert not any(loading[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    want = theirs.state_dict()
    zeros = {name for name in again.state_dict() if name not in want}
    assert bool(zeros) == (kind == "without biases")
    for name, value in again.state_dict().items():
        assert torch.equal(value, want.get(name, torch.zeros_like(value))), name
    for name in ("layer_norm_eps", "num_frames", "image_size", "use_mean_pooling", "num_labels"):
        if name != "num_labels" or "logits" not in kind:
            assert getattr(again.config, name) == getattr(theirs.config, name) or name in (
                "image_size", "num_labels"
            )  # fmt: skip
    if kind == "classifier":
        assert tuple(again.config.id2label.values()) == NAMES
    compare(kind, again.eval(), tmp_path / "hf")


@pytest.mark.parametrize("kind", ["classifier", "pretrained"])
def test_the_layout_of_version_4_gives_what_version_4_gave(kind):
    said = load_file(VERSION_4 / "said.safetensors")
    values = rearrange(said["pixels"], "b t c h w -> b t h w c")
    if kind == "classifier":
        model, card = load_classifier(VERSION_4 / kind, CPU)
        assert card.class_names == NAMES
        with torch.no_grad():
            logits = model(grid.split(values, model.cubes))
    else:
        model, card = load_autoencoder(VERSION_4 / kind, CPU)
        split = tokens.split_v1(said["hidden"].bool(), 5)
        with torch.no_grad():
            cubes = grid.split(values, model.cubes)
            logits = model(cubes[:, split.visible[0]], split)
    torch.testing.assert_close(logits, said[f"{kind}.logits"], atol=BOUND, rtol=0)


def rewrite(folder, change):
    """Change the weights of a folder under the names that they have in the file."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, {"format": "pt"})


def to_version_5(state):
    for ours, theirs in ((".q_bias", ".query.bias"), (".v_bias", ".value.bias")):
        state = {name.replace(ours, theirs): value for name, value in state.items()}
    return state


def test_the_layout_of_the_modules_of_version_5_is_read(tmp_path):
    theirs = build("classifier")
    theirs.save_pretrained(tmp_path)
    rewrite(tmp_path, to_version_5)
    assert any(name.endswith("query.bias") for name in load_file(tmp_path / "model.safetensors"))
    compare_classifier(theirs, tmp_path)


def test_biases_that_are_not_there_are_never_zeros_in_silence(tmp_path):
    theirs = build("classifier")
    theirs.save_pretrained(tmp_path)
    rewrite(
        tmp_path, lambda s: {n: v for n, v in s.items() if not n.endswith(("q_bias", "v_bias"))}
    )
    with pytest.raises(CheckpointError, match=r"it lacks .*attention.attention.q_bias, .* 1 more"):
        read_foreign(tmp_path)
    report = read_foreign(save(build("without biases"), tmp_path / "none")).report
    assert len(report.made) == 4
    assert set(report.made.values()) == {"zeros, for config.json says that attention has no biases"}


def save(model, folder):
    model.save_pretrained(folder)
    return folder


def test_shards_and_bin_files_are_read(tmp_path):
    theirs = build("classifier")
    theirs.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    assert len(list((tmp_path / "shards").glob("model-*.safetensors"))) > 1
    compare_classifier(theirs, tmp_path / "shards")
    folder = save(theirs, tmp_path / "bin")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    compare_classifier(theirs, folder)
    next((tmp_path / "shards").glob("model-00001*")).unlink()
    with pytest.raises(CheckpointError, match=r"lacks model-00001-of-.*, one of \d+ shards"):
        read_foreign(tmp_path / "shards")


def test_the_file_in_a_folder_is_the_folder(tmp_path):
    theirs = build("classifier")
    theirs.save_pretrained(tmp_path)
    assert read_foreign(tmp_path / "model.safetensors").config == read_foreign(tmp_path).config


def test_preprocessing_comes_and_goes(tmp_path):
    theirs = build("classifier")
    theirs.save_pretrained(tmp_path / "a")
    said = read_foreign(tmp_path / "a").report.remarks
    assert "it does not say how pixels are normalised" in said[0]
    processor = transformers.VideoMAEImageProcessor(image_mean=[0.5, 0.4, 0.3], image_std=[0.2] * 3)
    processor.save_pretrained(tmp_path / "a")
    model = read_foreign(tmp_path / "a")
    assert (model.config.mean, model.config.std) == ((0.5, 0.4, 0.3), (0.2,) * 3)
    state = model.load_state()
    files = build_foreign(state, model.config, "transformers")
    write_foreign(tmp_path / "b", files, state, model.config)
    again = transformers.VideoMAEImageProcessor.from_pretrained(tmp_path / "b")
    assert (list(again.image_mean), list(again.image_std)) == ([0.5, 0.4, 0.3], [0.2] * 3)
    assert again.crop_size["height"] == 32


def test_config_and_weights_must_agree(tmp_path):
    folder = save(build("classifier"), tmp_path)
    text = (folder / "config.json").read_text()
    for old, new, said in (
        ('"hidden_size": 24', '"hidden_size": 48', "says hidden_size 48, and its weights 24"),
        ('"hidden_act": "gelu"', '"hidden_act": "relu"', "says hidden_act 'relu'"),
        ('"model_type": "videomae"', '"model_type": "bert"', "of the kind bert, not videomae"),
    ):
        (folder / "config.json").write_text(text.replace(old, new))
        with pytest.raises(CheckpointError, match=said):
            read_foreign(folder)


def test_what_transformers_cannot_compute_is_refused(tmp_path):
    model = read_foreign(save(build("classifier"), tmp_path))
    state = model.load_state()
    encoder = model.config.model.encoder
    for changes, said in (
        ({"cosine_attention": True}, "cosine attention"),
        ({"init_values": 0.1}, "scales of residual branches"),
        ({"pos_embed": "axes"}, "a position table by axes"),
        ({"pretrained_grid": (1, 4, 4)}, "a position table of another grid"),
    ):
        card = replace(
            model.config, model=replace(model.config.model, encoder=replace(encoder, **changes))
        )
        with pytest.raises(CheckpointError, match=f"transformers cannot hold {said}"):
            build_foreign(state, card, "transformers")
