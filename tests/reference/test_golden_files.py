"""Files in the golden format of many other sizes, from the reference, pass the program."""

import pytest

from tests.golden.check import check_file
from tests.reference.golden_classifiers import write_classifier
from tests.reference.golden_files import write

BASE = {
    "frames": 8, "patch": 8, "tubelet": 2, "dim": 24, "depth": 2, "heads": 3, "decoder_dim": 12,
    "decoder_depth": 2, "decoder_heads": 2, "mlp_ratio": 4, "encoder_ratio": 0.75,
    "decoder_ratio": 0.5,
}  # fmt: skip

CASES = {
    "square": ({}, 32, 32),
    "wide": ({"decoder_ratio": 0.75, "encoder_ratio": 0.9}, 32, 64),
    "tall": ({"decoder_ratio": 0.25, "decoder_depth": 1}, 48, 16),
    "tubelet 3, 5 slots": ({"frames": 15, "tubelet": 3}, 32, 32),
    "tubelet 1, 2 slots": ({"frames": 2, "tubelet": 1}, 32, 32),
    "V1 on odd grid": ({"decoder_ratio": 0.0, "patch": 7, "frames": 6}, 21, 35),
    "MLP ratio 48/11": ({"mlp_ratio": 48 / 11, "dim": 44, "heads": 2, "decoder_dim": 32}, 32, 32),
    "depth 1 and 3": ({"depth": 1, "decoder_depth": 3, "decoder_heads": 4}, 32, 32),
    "5 channels": ({"channels": 5, "mean": [0.4] * 5, "std": [0.2] * 5}, 16, 32),
    "layer scale": ({"layer_scale": True}, 32, 32),
    "cosine attention": ({"cosine": True}, 32, 32),
}


@pytest.mark.parametrize("case", CASES)
def test_the_program_agrees_with_the_reference(case, tmp_path):
    changes, height, width = CASES[case]
    path = tmp_path / "golden.safetensors"
    saved = write(path, BASE | changes, height=height, width=width)
    checks = list(check_file(path))
    assert [check for check in checks if check["pass"] is not True] == []
    assert len(checks) >= 4 + sum(name.startswith("grad") for name in saved)


CLASSIFIER = {
    "frames": 8, "patch": 16, "tubelet": 2, "dim": 48, "depth": 3, "heads": 3, "mlp_ratio": 4,
    "classes": 7,
}  # fmt: skip

CLASSIFIERS = {
    "as the released": ({}, 64, 64),
    "patch 8, tubelet 1": ({"patch": 8, "tubelet": 1, "frames": 3, "classes": 2}, 16, 40),
    "patch 14, tubelet 4": ({"patch": 14, "tubelet": 4, "heads": 6, "classes": 11}, 42, 28),
    "MLP ratio 48/11": ({"mlp_ratio": "48/11", "dim": 32, "heads": 4, "classes": 5}, 32, 32),
    "that ratio as a number": ({"mlp_ratio": 48 / 11, "dim": 88, "heads": 8, "depth": 1}, 32, 16),
    "depth 5, 1 head, 400 classes": ({"depth": 5, "heads": 1, "dim": 24, "classes": 400}, 32, 32),
    "the first token": ({"first": True}, 32, 32),
    "cosine, layer scale": ({"cosine": True, "layer_scale": True, "classes": 3}, 32, 32),
    "1 channel": ({"channels": 1, "mean": [0.4], "std": [0.2]}, 32, 32),
}


@pytest.mark.parametrize("case", CLASSIFIERS)
def test_the_program_agrees_with_the_reference_about_classifiers(case, tmp_path):
    changes, height, width = CLASSIFIERS[case]
    path = tmp_path / "golden.safetensors"
    saved = write_classifier(path, CLASSIFIER | changes, height=height, width=width)
    checks = list(check_file(path))
    assert [check for check in checks if check["pass"] is not True] == []
    assert len(checks) == 4 + sum(name.startswith("grad") for name in saved)
