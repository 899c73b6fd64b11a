"""Models in the formats of other software, made from their documented names and shapes alone."""

import json

import torch
from safetensors.torch import save_file

HEADS = 3
WIDTH, DEPTH, HIDDEN, PATCH, TUBELET = 24, 2, 60, 8, 2
DECODER = 16


def drawn(*shape, seed=[0]):  # noqa: B006 - counts the tensors
    seed[0] += 1
    return 0.2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed[0]))


def norm(name, dim):
    return {f"{name}.weight": 1 + drawn(dim), f"{name}.bias": drawn(dim)}


def linear(name, rows, columns, *, bias=True):
    weight = {f"{name}.weight": drawn(rows, columns)}
    return weight | ({f"{name}.bias": drawn(rows)} if bias else {})


def block(name, dim, hidden, mlp=("mlp.fc1", "mlp.fc2")):
    return {
        **norm(f"{name}.norm1", dim),
        f"{name}.attn.q_bias": drawn(dim),
        f"{name}.attn.v_bias": drawn(dim),
        **linear(f"{name}.attn.qkv", 3 * dim, dim, bias=False),
        **linear(f"{name}.attn.proj", dim, dim),
        **norm(f"{name}.norm2", dim),
        **linear(f"{name}.{mlp[0]}", hidden, dim),
        **linear(f"{name}.{mlp[1]}", dim, hidden),
    }


def encoder(before="", *, patch_embed="proj", mlp=("mlp.fc1", "mlp.fc2"), depth=DEPTH, width=WIDTH):
    name = f"{before}patch_embed.{patch_embed}"
    state = {f"{name}.weight": drawn(width, 3, TUBELET, PATCH, PATCH), f"{name}.bias": drawn(width)}
    for number in range(depth):
        state |= block(f"{before}blocks.{number}", width, HIDDEN, mlp)
    return state


def official_classifier(outputs=5):
    return encoder() | norm("fc_norm", WIDTH) | linear("head", outputs, WIDTH)


def official_pretraining():
    values = 3 * TUBELET * PATCH * PATCH
    state = {"mask_token": drawn(1, 1, DECODER)} | encoder("encoder.") | norm("encoder.norm", WIDTH)
    state |= block("decoder.blocks.0", DECODER, DECODER * HIDDEN // WIDTH)
    state |= norm("decoder.norm", DECODER) | linear("decoder.head", values, DECODER)
    return state | linear("encoder_to_decoder", DECODER, WIDTH, bias=False)


def official_backbone():
    return encoder() | norm("norm", WIDTH)


def mmaction(outputs=5):
    state = encoder("backbone.", patch_embed="projection", mlp=("mlp.layers.0.0", "mlp.layers.1"))
    return state | norm("backbone.fc_norm", WIDTH) | linear("cls_head.fc_cls", outputs, WIDTH)


def opentad():
    """A detector: its backbone deep inside, and what finds the actions."""
    inner = "module.backbone.model.backbone."
    state = encoder(inner, patch_embed="projection", mlp=("mlp.layers.0.0", "mlp.layers.1"))
    state |= norm(f"{inner}norm", WIDTH) | linear("module.projection.embd.0", 8, WIDTH)
    return state | linear("module.rpn_head.cls_head", 20, 8)


def prefixed(before, state):
    return {f"{before}{name}": value for name, value in state.items()}


FILES = {
    "bare": official_classifier,
    "model": lambda: {"model": official_classifier(), "epoch": "best"},
    "half": lambda: {"module": {n: v.half() for n, v in official_classifier().items()}},
    "compiled": lambda: {"model": prefixed("_orig_mod.", official_classifier())},
    "backbone.": lambda: prefixed("backbone.", official_classifier()),
    "lightning": lambda: {
        "state_dict": prefixed("net.model.", official_classifier()),
        "pytorch-lightning_version": "2.4",
    },
    "pre-training": lambda: {"model": official_pretraining()},
    "compiled pre-training": lambda: {"model": prefixed("_orig_mod.", official_pretraining())},
    "lightning pre-training": lambda: {"state_dict": prefixed("mae.", official_pretraining())},
    "ava": lambda: {"module": official_backbone() | linear("head", 80, WIDTH)},
    "backbone": official_backbone,
    "first token": lambda: {"model": official_backbone() | linear("head", 5, WIDTH)},
    "mmaction2": lambda: {"state_dict": mmaction(), "meta": {"epoch": 3}},
    "opentad": lambda: {"state_dict": opentad(), "state_dict_ema": opentad(), "epoch": 2},
}
"""Content of files, by kind."""


def save_hf(folder, state=None, **changes):
    """A folder as OpenGVLab/VideoMAEv2-Base is one."""
    folder.mkdir()
    state = state or encoder() | norm("fc_norm", WIDTH)
    save_file(prefixed("model.", state), folder / "model.safetensors", {"format": "pt"})
    model_config = {
        "img_size": 16, "patch_size": PATCH, "in_chans": 3, "num_classes": 0, "embed_dim": WIDTH,
        "depth": DEPTH, "num_heads": HEADS, "mlp_ratio": HIDDEN / WIDTH, "qkv_bias": True,
        "qk_scale": None, "layer_norm_eps": 1e-6, "init_values": 0, "tubelet_size": TUBELET,
        "use_learnable_pos_emb": False, "num_frames": 4, "use_mean_pooling": True,
        "cos_attn": False,
    }  # fmt: skip
    config = {"model_type": "VideoMAEv2_Base", "model_config": model_config | changes}
    (folder / "config.json").write_text(json.dumps(config))
    pixels = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    return folder
