"""What ``attend`` shows lies where the answer is; and what cannot be shown is refused."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.helpers.brightness_classifier import save_rigged
from tests.helpers.released_files import FRAMES, SIDE, drawn_classifier, save_released
from videomae2.cli.main import main
from videomae2.commands.attend import AttendConfig, attend, prepare_attend
from videomae2.data.video.writer import write_video
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.init import init_classifier_weights
from videomae2.models.weights.config_json import FrameSampling, SavedClassifierConfig
from videomae2.models.weights.saved import save_model
from videomae2.reports.attention import expand_map
from videomae2.tensors.grid import split

COLORS = {"red": (200, 60, 60), "blue": (60, 60, 200)}


def draw_shape(generator, *, frames, side, color, ground=70):
    """A square that moves over grey noise, and where it is [frames, side, side]."""
    size = side // 4
    noise = generator.integers(0, ground, (frames, side, side, 1), np.uint8).repeat(3, axis=3)
    start, stop = generator.integers(0, side - size + 1, (2, 2))
    mask = np.zeros((frames, side, side), bool)
    for number in range(frames):
        y, x = (start + (stop - start) * number / (frames - 1)).round().astype(int)
        mask[number, y : y + size, x : x + size] = True
    noise[mask] = color
    return noise, mask


def test_gradients_of_brightness_lie_on_what_is_bright(tmp_path, capsys):
    generator = np.random.default_rng(0)
    video, mask = draw_shape(generator, frames=4, side=16, color=(250, 250, 250), ground=1)
    np.save(tmp_path / "shape.npy", video)
    save_rigged(tmp_path / "model", span=FrameSampling(kind="whole"))
    words = ["attend", str(tmp_path / "model"), str(tmp_path / "shape.npy")]
    words += ["--out", str(tmp_path / "out"), "--json", "--output", "bright", "--steps", "2"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert "bright" in found["score"]
    touched = np.array(
        [[[mask[t : t + 2, y : y + 8, x : x + 8].any() for x in (0, 8)] for y in (0, 8)]
         for t in (0, 2)]
    )  # fmt: skip
    assert not touched.all()
    assert np.array(found["gradients"])[touched].sum() > 0.999
    assert np.array(found["rollout"]).sum() == pytest.approx(1)
    assert Path(found["picture"]).read_bytes().startswith(b"\x89PNG")
    with av.open(found["film"]) as box:
        assert len(list(box.decode(video=0))) >= 4


def test_an_encoder_without_a_head_is_explained_by_its_feature(tmp_path):
    save_released(tmp_path / "encoder.pth", drawn_classifier(0))
    frames = np.random.default_rng(0).integers(0, 256, (40, 40, 60, 3), np.uint8)
    write_video(tmp_path / "a.mp4", frames, rate=10)
    choices = AttendConfig(frames=FRAMES, side=SIDE, steps=1, frames_shown=2)
    plan = prepare_attend(tmp_path / "encoder.pth", tmp_path / "a.mp4", tmp_path / "o", choices)
    clip = attend(plan).clip
    assert "likeness" in clip.score
    assert clip.saliency.sum() == pytest.approx(1)
    assert clip.saliency.std() > 0
    assert clip.seconds is not None
    assert expand_map(clip.saliency, clip.cubes).shape == (FRAMES, SIDE, SIDE)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--output", "brihgt"], "no output 'brihgt'; did you mean bright?"),
        (["--output", "2"], "no output '2'"),
        (["--frames-shown", "5"], "--frames-shown is 5, this model's clips have 1..4"),
        (["--steps", "0"], "steps"),
    ],
)
def test_choices_that_cannot_work_are_refused(flags, message, tmp_path, capsys):
    save_rigged(tmp_path / "model")
    np.save(tmp_path / "a.npy", np.zeros((9, 16, 16, 3), np.uint8))
    words = ["attend", str(tmp_path / "model"), str(tmp_path / "a.npy")]
    assert main([*words, "--out", str(tmp_path / "out"), "--dry-run", *flags]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_was_learnt_of_moving_shapes_lies_on_the_shape(tmp_path):
    """A tiny model learns which colour moves; its gradients lie where that is."""
    encoder = EncoderConfig(
        size="tiny", frames=8, height=32, width=32, patch_size=4, embed_dim=48, depth=2, num_heads=2
    )
    model = Classifier(ClassifierConfig(encoder=encoder, num_classes=2))
    init_classifier_weights(model, torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    generator = np.random.default_rng(0)

    def draw_batch(count):
        labels = generator.integers(0, 2, count)
        drawn = [
            draw_shape(generator, frames=8, side=32, color=list(COLORS.values())[label])
            for label in labels
        ]
        pixels = torch.from_numpy(np.stack([video for video, _ in drawn]))
        return pixels, torch.from_numpy(labels), [mask for _, mask in drawn]

    for _ in range(120):
        pixels, labels, _ = draw_batch(8)
        loss = F.cross_entropy(model(split(pixels, model.cubes) / 127.5 - 1), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    card = SavedClassifierConfig(
        model=model.config, class_names=tuple(COLORS), mean=(0.5,) * 3, std=(0.5,) * 3,
        frame_sampling=FrameSampling(kind="whole"),
    )  # fmt: skip
    (tmp_path / "model").mkdir()
    save_model(tmp_path / "model", model.state_dict(), card)
    ratios, right = [], 0
    pixels, labels, masks = draw_batch(12)
    for number, mask in enumerate(masks):
        np.save(tmp_path / "clip.npy", pixels[number].numpy())
        plan = prepare_attend(
            tmp_path / "model", tmp_path / "clip.npy", tmp_path / "out", AttendConfig()
        )
        clip = attend(plan).clip
        heat = expand_map(clip.saliency, clip.cubes)
        share, area = heat[mask].sum() / heat.sum(), mask.mean()
        right += list(COLORS)[labels[number]] in clip.score
        ratios.append(share / area)
    assert right >= 11
    assert np.mean(ratios) > 5
    assert min(ratios) > 2
