"""The file beside an ONNX file sees and says what the predictor does, without this package."""

import ast
import json
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.helpers.brightness_classifier import levels, read_here, save_rigged, write_levels
from videomae2.commands.export.runner import build_runner, build_settings
from videomae2.commands.export.runner_parts import resize
from videomae2.data.video.writer import write_video
from videomae2.inference.predictor import Predictor
from videomae2.inference.views import EvalViews
from videomae2.models.weights.config_json import FrameSampling

SIZES = [((32, 48), (16, 24)), ((37, 53), (16, 22)), ((240, 320), (224, 298)), ((9, 7), (16, 12))]
SAMPLINGS = {
    "frames": FrameSampling(kind="strided", frame_interval=2.0),
    "long": FrameSampling(kind="strided", frame_interval=30.0),
    "seconds": FrameSampling(kind="strided", frame_interval=0.1, interval_unit="seconds"),
    "rate": FrameSampling(kind="strided", frame_interval=8.0, interval_unit="per-second"),
    "tsn": FrameSampling(kind="tsn"),
    "whole": FrameSampling(kind="whole"),
}


@pytest.fixture(scope="module")
def runner():
    names = {"__name__": "runner", "__file__": "run.py"}
    exec(compile(build_runner(), "run.py", "exec"), names)
    return SimpleNamespace(**names)


@pytest.mark.parametrize(("size", "out"), SIZES)
@pytest.mark.parametrize("antialias", [True, False])
def test_frames_are_resized_as_torch_does_it(size, out, antialias):
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3), np.uint8)
    x = torch.from_numpy(frames).permute(0, 3, 1, 2)
    if antialias:
        x = x.contiguous(memory_format=torch.channels_last)
        wanted = F.interpolate(x, size=out, mode="bilinear", antialias=True)
    else:
        wanted = F.interpolate(x.float(), size=out, mode="bilinear").round().to(torch.uint8)
    found = resize(frames, *out, antialias).astype(int)
    off = np.abs(found - wanted.permute(0, 2, 3, 1).numpy())
    assert off.max() <= (0 if antialias else 1)  # without, halves of floats may fall either way
    assert (off > 0).mean() < 2e-3


def session_of(predictor):
    """A model in place of onnxruntime's."""

    def run(_, inputs):
        with torch.no_grad():
            return [predictor.module(torch.from_numpy(inputs["clips"])).numpy()]

    return SimpleNamespace(run=run, get_inputs=lambda: [SimpleNamespace(name="clips")])


def settings_of(predictor):
    card = predictor.classifier.ref.config
    encoder = card.model.encoder
    size = encoder.height, encoder.width
    settings = build_settings(predictor.scorer.views, size, card.task_type, card.class_names)
    return json.loads(json.dumps(settings))


KINDS = ("multiclass", "gray", "regression", "plainly", "multiclass", "gray")


@pytest.fixture(scope="module")
def ramp(tmp_path_factory):
    path = tmp_path_factory.mktemp("ramp") / "a.mp4"
    return write_levels(path, levels(*((1, n) for n in range(40, 220, 3))))


@pytest.mark.parametrize(("sampling", "kind"), list(zip(SAMPLINGS, KINDS, strict=True)))
def test_it_gives_the_scores_of_the_predictor(runner, ramp, kind, sampling, tmp_path, monkeypatch):
    read_here(monkeypatch)
    save_rigged(
        tmp_path / "model",
        span=SAMPLINGS[sampling],
        answers="multilabel" if kind == "gray" else kind.replace("plainly", "multiclass"),
        channels=1 if kind == "gray" else 3,
        rows=(-0.2, 0.3),
    )
    views = EvalViews(antialias=False) if kind == "plainly" else None
    predictor = Predictor(tmp_path / "model", device="cpu", precision="fp32", views=views)
    found = runner.run_video(session_of(predictor), str(ramp), settings_of(predictor))
    np.testing.assert_allclose(found, predictor.predict(ramp).scores, rtol=1e-6, atol=1e-6)


def test_a_turned_film_with_moving_pictures_is_read_upright(runner, tmp_path, monkeypatch):
    read_here(monkeypatch)
    frames = np.random.default_rng(1).integers(0, 256, (30, 32, 48, 3), np.uint8)
    write_video(tmp_path / "flat.mp4", frames, rate=25)
    turn(tmp_path / "flat.mp4", tmp_path / "turned.mp4")
    save_rigged(tmp_path / "model")
    predictor = Predictor(tmp_path / "model", device="cpu", precision="fp32")
    settings = settings_of(predictor)
    read, _ = runner.read_video(str(tmp_path / "turned.mp4"), settings)
    assert read.shape[1:] == (48, 32, 3)
    found = runner.run_video(session_of(predictor), str(tmp_path / "turned.mp4"), settings)
    wanted = predictor.predict(tmp_path / "turned.mp4").scores
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def turn(source, out):
    """Copy a film so that players turn it by a quarter."""
    matrix = np.array([0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30], ">i4").tobytes()
    plain = np.array([65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30], ">i4").tobytes()
    data = source.read_bytes()
    head = data.index(b"tkhd")
    place = data.index(plain, head)
    out.write_bytes(data[:place] + matrix + data[place + len(plain) :])
    with av.open(str(out)) as box:
        assert next(box.decode(video=0)).rotation


def test_it_imports_pyav_and_onnxruntime_alone():
    tree = ast.parse(build_runner())
    found = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert found - {"__future__", "argparse", "json", "pathlib", "typing"} == {
        "av", "numpy", "onnxruntime",
    }  # fmt: skip
