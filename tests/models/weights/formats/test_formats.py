"""Every format in and out again to the bit, and the outputs that the weights stand for."""

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from tests.helpers.foreign_files import (
    DEPTH,
    FILES,
    HEADS,
    PATCH,
    TUBELET,
    WIDTH,
    encoder,
    linear,
    mmaction,
    norm,
    official_classifier,
    opentad,
    prefixed,
    save_hf,
)
from videomae2.errors import CheckpointError
from videomae2.models.classifier import Classifier
from videomae2.models.weights.config_json import SavedAutoencoderConfig
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.formats.ava import NORMALIZATION
from videomae2.models.weights.formats.read import read_foreign
from videomae2.models.weights.formats.write import build_foreign, write_foreign
from videomae2.models.weights.frozen_encoder import load_frozen_encoder
from videomae2.tensors import grid
from videomae2.tensors.normalization import Normalization
from videomae2.tensors.pos_embed import build_sinusoid

HINTS = ModelHints(frames=4, side=16, num_heads=HEADS, decoder_num_heads=2)
TARGETS = {
    "official": "x.pth", "mmaction2": "x.pth", "ava": "x.safetensors", "videomaev2-hf": "x",
    "transformers": "x",
}  # fmt: skip


@pytest.fixture
def save(tmp_path):
    def save(content, name="in.pth"):
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return save


def released_outputs(state, clip):
    """The classifier of the released code in a few lines, on one clip [c, t, h, w] in float64."""
    state = {name: value.double() for name, value in state.items()}
    weight = state["patch_embed.proj.weight"]
    x = F.conv3d(clip.double()[None], weight, state["patch_embed.proj.bias"], weight.shape[2:])
    x = x.flatten(2).mT[0]
    x = x + build_sinusoid(*x.shape).double()

    def layer_norm(x, name):
        return F.layer_norm(x, (WIDTH,), state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)

    for number in range(DEPTH):
        at = f"blocks.{number}"
        y = layer_norm(x, f"{at}.norm1")
        biases = (state[f"{at}.attn.q_bias"], torch.zeros(WIDTH), state[f"{at}.attn.v_bias"])
        qkv = F.linear(y, state[f"{at}.attn.qkv.weight"], torch.cat(biases))
        q, k, v = qkv.reshape(len(y), 3, HEADS, -1).permute(1, 2, 0, 3)
        y = ((q * q.shape[-1] ** -0.5) @ k.mT).softmax(-1) @ v
        y = y.transpose(0, 1).flatten(1)
        x = x + F.linear(y, state[f"{at}.attn.proj.weight"], state[f"{at}.attn.proj.bias"])
        y = F.gelu(F.linear(layer_norm(x, f"{at}.norm2"), state[f"{at}.mlp.fc1.weight"],
                            state[f"{at}.mlp.fc1.bias"]))  # fmt: skip
        x = x + F.linear(y, state[f"{at}.mlp.fc2.weight"], state[f"{at}.mlp.fc2.bias"])
    x = layer_norm(x.mean(0), "fc_norm") if "fc_norm.weight" in state else layer_norm(x, "norm")[0]
    return F.linear(x, state["head.weight"], state["head.bias"])


def to_released_names(state):
    """What mmaction2 and its like call otherwise, called as released."""
    pairs = {"backbone.": "", "projection": "proj", "cls_head.fc_cls": "head", "net.model.": "",
             "mlp.layers.0.0": "mlp.fc1", "mlp.layers.1": "mlp.fc2"}  # fmt: skip
    for theirs, ours in pairs.items():
        state = {name.replace(theirs, ours): value for name, value in state.items()}
    return state


@pytest.mark.parametrize("kind", ["bare", "backbone.", "lightning", "first token", "mmaction2"])
def test_outputs_are_those_of_the_released_code(save, kind):
    content = FILES[kind]()
    model = read_foreign(save(content), HINTS)
    ours = Classifier(model.config.model)
    ours.load_state_dict(model.load_state())
    clip = torch.randn(3, 4, 16, 16)
    with torch.no_grad():
        got = ours(grid.split(clip.permute(1, 2, 3, 0)[None], ours.cubes))[0]
    state = content.get("state_dict", content.get("model", content))
    want = released_outputs(to_released_names(state), clip)
    torch.testing.assert_close(got.double(), want, atol=2e-5, rtol=0)


def list_targets(model):
    """The formats that hold a model."""
    state = model.load_state()
    for name in TARGETS:
        if name == "ava" and "encoder.norm.weight" not in state:
            continue
        yield name


@pytest.mark.parametrize("kind", FILES)
def test_in_and_out_again_to_the_bit_in_every_format(save, tmp_path, kind):
    model = read_foreign(save(FILES[kind]()), HINTS)
    state, config = model.load_state(), model.config
    for name in list_targets(model):
        files = build_foreign(state, config, name)
        out = tmp_path / name / TARGETS[name]
        write_foreign(out, files, state, config)  # which reads and compares
        hints = HINTS if out.is_file() else ModelHints()
        again = read_foreign(out, hints)
        back = again.load_state()
        if isinstance(again.config, SavedAutoencoderConfig) == isinstance(
            config, SavedAutoencoderConfig
        ):
            expected = {n: v for n, v in state.items() if name != "ava" or "head" not in n}
            assert back.keys() == expected.keys(), name
        assert all(torch.equal(value, state[key]) for key, value in back.items()), name


def test_released_names_come_back_as_they_were(save, tmp_path):
    for kind in ("bare", "pre-training", "mmaction2"):
        content = FILES[kind]()
        want = content.get("model", content.get("state_dict", content))
        model = read_foreign(save(content), HINTS)
        state = model.load_state()
        name = "mmaction2" if kind == "mmaction2" else "official"
        write_foreign(tmp_path / f"{kind}.pth", build_foreign(state, model.config, name), state,
                      model.config)  # fmt: skip
        back = torch.load(tmp_path / f"{kind}.pth")
        got = back["state_dict" if kind == "mmaction2" else "model"]
        assert got.keys() == want.keys()
        assert all(torch.equal(got[n], want[n]) for n in want)


def test_a_hugging_face_folder_comes_back_as_it_was(tmp_path):
    folder = save_hf(tmp_path / "in", layer_norm_eps=1e-5)
    (folder / "README.md").write_text("---\ntags: [x]\nlicense: cc-by-nc-4.0\n---\nA model.\n")
    model = read_foreign(folder)
    encoder_config = model.config.model.encoder
    assert (encoder_config.clip_dimensions, encoder_config.norm_eps) == ("4x16x16", (1e-5, 1e-5))
    assert model.says_clips
    assert model.config.metadata["licence"] == "cc-by-nc-4.0"
    state = model.load_state()
    files = build_foreign(state, model.config, "videomaev2-hf")
    write_foreign(tmp_path / "out", files, state, model.config)
    want, got = (load_file(path / "model.safetensors") for path in (folder, tmp_path / "out"))
    assert got.keys() == want.keys()
    assert all(torch.equal(got[name], want[name]) for name in want)
    again = read_foreign(tmp_path / "out").config
    assert (again.model, again.mean, again.metadata["licence"]) == (
        model.config.model, model.config.mean, "cc-by-nc-4.0"
    )  # fmt: skip


def test_every_key_is_accounted_for(save):
    model = read_foreign(save(FILES["opentad"]()), HINTS)
    report, names = model.report, set(opentad())
    left = report.left_out.keys() - {"state_dict_ema", "epoch"}
    assert report.used.keys() | left == names
    assert not report.used.keys() & left
    assert report.left_out["state_dict_ema"] == "beside 'state_dict'"
    assert (
        report.left_out["module.rpn_head.cls_head.weight"]
        == "a part of a detector, not of its backbone"
    )
    assert set(report.used.values()) == set(model.state)
    assert list(report.reshaped) == ["encoder.patch_embed.proj.weight"]
    text = str(report.summarize())
    assert "rpn_head.cls_head.weight" in text
    assert "a 3-d convolution became a matrix over cubes" in text


def test_adapters_are_not_left_out_in_silence(save):
    state = opentad() | linear(
        "module.backbone.model.backbone.blocks.0.adapter.down_proj", 6, WIDTH
    )
    with pytest.raises(CheckpointError, match=r"has adapters in its blocks \(backbone\."):
        read_foreign(save({"state_dict": state}), HINTS)


def test_a_detector_on_ava_gives_features_in_its_own_normalisation(save):
    model = read_foreign(save(FILES["ava"]()), HINTS)
    assert model.config.model.num_classes == 0
    assert (
        model.config.mean == NORMALIZATION.mean == pytest.approx((0.4815, 0.4547, 0.4038), abs=1e-4)
    )
    assert model.report.left_out["head.weight"] == "a head that reads boxes, not clips"
    other = read_foreign(save(FILES["first token"]()), HINTS).config
    assert (other.model.num_classes, other.model.global_pool) == (5, "token")
    assert (other.mean, other.std) == (Normalization().mean, Normalization().std)


def test_class_names_of_mmaction2_come_and_go(save, tmp_path):
    names = ["a", "b", "c", "d", "e"]
    content = {"state_dict": mmaction(), "meta": {"dataset_meta": {"classes": names}}}
    model = read_foreign(save(content), HINTS)
    assert model.config.class_names == tuple(names)
    state = model.load_state()
    for name in ("mmaction2", "official"):
        out = tmp_path / f"{name}.pth"
        write_foreign(out, build_foreign(state, model.config, name), state, model.config)
        assert read_foreign(out, HINTS).config.class_names == tuple(names)
    left = build_foreign(state, model.config, "official").report.left_out
    assert left["card: num_heads"] == "3: who reads it says --num-heads"
    assert left["card: clips"].startswith("of 4x16x16")
    assert torch.load(tmp_path / "mmaction2.pth")["meta"]["dataset_meta"] == {"classes": names}


def test_a_fixed_table_of_positions_is_left_out_and_a_learnt_one_refused(save):
    state = {"state_dict": mmaction() | {"backbone.pos_embed": build_sinusoid(8, WIDTH)[None]}}
    assert "fixed position table" in read_foreign(save(state), HINTS).report.left_out[
        "backbone.pos_embed"
    ]  # fmt: skip
    with pytest.raises(CheckpointError, match=r"has places for 8 cubes, .*--frames and --side"):
        read_foreign(save(state), ModelHints(num_heads=HEADS, frames=8, side=16))
    state["state_dict"]["backbone.pos_embed"] = torch.randn(1, 8, WIDTH)
    with pytest.raises(CheckpointError, match=r"a position table of its own, backbone\.pos_embed"):
        read_foreign(save(state), HINTS)


def test_one_bias_of_query_key_and_value_is_taken_apart(save):
    state = official_classifier()
    for number in range(DEPTH):
        q, v = (state.pop(f"blocks.{number}.attn.{part}_bias") for part in "qv")
        state[f"blocks.{number}.attn.qkv.bias"] = torch.cat((q, torch.ones(WIDTH), v))
    model = read_foreign(save(state), HINTS)
    bias = state["blocks.1.attn.qkv.bias"]
    assert torch.equal(model.state["encoder.blocks.1.attn.q_bias"], bias[:WIDTH])
    assert torch.equal(model.state["encoder.blocks.1.attn.v_bias"], bias[2 * WIDTH :])
    assert "which softmax does not see" in str(model.report.summarize())


def test_an_encoder_without_any_norm_gives_its_tokens(save):
    frozen = load_frozen_encoder(
        save({"state_dict": prefixed("net.", encoder(width=192))}), frames=4, side=16
    )
    tokens = torch.randn(2, 8, 192)
    assert torch.equal(frozen.pool(tokens)[:, 0], frozen.pool(tokens)[:, 1])


def test_heads_and_normalisation_are_asked_for_by_name(save):
    path = save(FILES["pre-training"]())
    with pytest.raises(CheckpointError, match=r"encoder of width 24 has; .* OUT --num-heads N"):
        read_foreign(path)
    with pytest.raises(CheckpointError, match=r"decoder of width 16 has; .* --decoder-num-heads"):
        read_foreign(path, ModelHints(num_heads=3))
    assert read_foreign(path, ModelHints(num_heads=3, encoder_only=True)).config.kind
    state = official_classifier()
    state["patch_embed.proj.weight"] = torch.zeros(WIDTH, 1, TUBELET, PATCH, PATCH)
    with pytest.raises(CheckpointError, match=r"reads 1 channels, .* --mean … --std …"):
        read_foreign(save(state), HINTS)
    grey = ModelHints(num_heads=3, normalization=Normalization(mean=(0.5,), std=(0.2,)))
    assert read_foreign(save(state), grey).config.mean == (0.5,)


def test_deepspeed_folders_are_read(save, tmp_path):
    name = "mp_rank_00_model_states.pt"
    content = {"module": official_classifier(), "optimizer": None, "ds_version": "0.14"}
    for folder in ("checkpoint-best", "run/global_step5", "run/global_step9"):
        (tmp_path / folder).mkdir(parents=True)
        torch.save(content, tmp_path / folder / name)
        assert len(read_foreign(tmp_path / folder, HINTS).state) == 32
    (tmp_path / "run" / "latest").write_text("global_step9\n")
    assert read_foreign(tmp_path / "run", HINTS).files == [tmp_path / "run" / "global_step9" / name]
    (tmp_path / "run" / "latest").unlink()
    with pytest.raises(CheckpointError, match=r"holds 2 model states of DeepSpeed"):
        read_foreign(tmp_path / "run", HINTS)
    content["module"]["fc_norm.bias"] = torch.zeros(0)
    with pytest.raises(CheckpointError, match=r"fc_norm.bias has no numbers, .*zero_to_fp32\.py"):
        read_foreign(save(content), HINTS)


def test_norms_of_a_backbone_are_both_known(save):
    """A norm of every token beside one behind the pooling: the second is the classifier's."""
    model = read_foreign(save(official_classifier() | norm("norm", WIDTH)), HINTS)
    assert model.report.left_out["norm.weight"].startswith("the norm of every token, where fc_norm")
