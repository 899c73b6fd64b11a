"""What is exported gives the model's outputs, and what cannot be is refused before it is tried."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.helpers.brightness_classifier import levels, read_here, save_rigged, write_levels
from tests.helpers.released_files import FRAMES, SIDE, drawn_classifier, save_released
from videomae2.cli.main import main
from videomae2.commands.export import config, graphs
from videomae2.commands.export.config import ExportConfig
from videomae2.commands.export.run import export, prepare_export
from videomae2.errors import CheckpointError, ConfigError
from videomae2.inference.predictor import Predictor
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.saved import save_model
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A model whose outputs depend on every weight."""
    folder = tmp_path_factory.mktemp("drawn") / "model"
    model = drawn_classifier(4)
    card = SavedClassifierConfig(
        model=model.config, class_names=tuple("abcd"), mean=IMAGENET_MEAN, std=IMAGENET_STD,
        metadata={"licence": "cc-by-nc-4.0"},
    )  # fmt: skip
    folder.mkdir()
    save_model(folder, model.state_dict(), card)
    return folder


@pytest.mark.parametrize("name", ["official", "transformers", "mmaction2", "videomaev2-hf"])
def test_other_formats_give_the_same_outputs(name, drawn, tmp_path, capsys, caplog):
    folder = name in ("transformers", "videomaev2-hf")
    out = tmp_path / ("out" if folder else "out.pth")
    assert main(["export", str(drawn), str(out), "--to", name]) == 0
    text = capsys.readouterr().out
    found = float(text.split("largest difference of outputs ")[1].split()[0])
    assert found < (2e-4 if name == "transformers" else 1e-6)  # it has another epsilon, and says so
    assert ("epsilon is 1e-06" in caplog.text) == (name == "transformers")
    assert "cc-by-nc-4.0" in text
    assert out.exists()


@pytest.mark.parametrize("name", ["official", "transformers"])
def test_another_format_with_other_outputs_is_not_kept(name, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr("videomae2.commands.export.layouts._compare", lambda *_: float("nan"))
    out = tmp_path / ("out" if name == "transformers" else "out.pth")
    with pytest.raises(CheckpointError, match=r"differ by nan .* so it was deleted"):
        export(prepare_export(drawn, out, ExportConfig(to=name)))
    assert not out.exists()


def test_an_export_whose_outputs_are_others_is_not_kept(drawn, tmp_path, monkeypatch):
    def write(module, shape, kind, folder):
        path = folder / "model.pt2"
        torch.save(module, path)
        return path

    monkeypatch.setattr("videomae2.commands.export.run.write_graph", write)
    plan = prepare_export(drawn, tmp_path / "out", ExportConfig(to="torch"))
    for off, kept in ((9e-5, True), (2e-4, False), (float("nan"), False)):
        monkeypatch.setattr(
            graphs,
            "open_graph",
            lambda _, off=off: lambda clips: plan.module(clips).numpy() + off,
        )
        if kept:
            assert export(plan).max_difference == pytest.approx(off, rel=0.02)
            (tmp_path / "out").rename(tmp_path / "kept")
            continue
        with pytest.raises(CheckpointError, match=r"outputs of model.pt2 differ by .* at most 0.0"):
            export(plan)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--to", "torch", "--int8"], "--int8 has no effect on --to torch"),
        (["--videos", "x"], "--videos has no effect without --int8"),
        (["--frames", "0"], "frames"),
        (["--class-names", "nothing-710"], "--class-names"),
    ],
)
def test_settings_without_effect_are_refused(flags, message, drawn, tmp_path, capsys):
    assert main(["export", str(drawn), str(tmp_path / "out"), *flags]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(config, "_PACKAGES", ("onnx", "onnxruntime_of_tomorrow"))
    with pytest.raises(ConfigError, match=r"needs onnxruntime_of_tomorrow; .*videomae2\[export\]"):
        prepare_export(drawn, tmp_path / "out", ExportConfig())


def test_a_dry_run_writes_nothing(drawn, tmp_path, capsys):
    assert (
        main(["export", str(drawn), str(tmp_path / "out"), "--to", "torch", "--dry-run", "--json"])
        == 0
    )
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert "4 outputs" in plan["model"][0]
    assert not (tmp_path / "out").exists()


def test_names_of_outputs_want_a_head(tmp_path):
    save_released(tmp_path / "encoder.pth", drawn_classifier(0))
    choices = ExportConfig(to="torch", frames=FRAMES, side=SIDE, class_names="kinetics-400")
    with pytest.raises(ConfigError, match="has no head"):
        prepare_export(tmp_path / "encoder.pth", tmp_path / "out", choices)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_features_of_an_encoder_leave_too(kind, tmp_path):
    pytest.importorskip("onnxruntime", reason="extra export is missing")
    save_released(tmp_path / "encoder.pth", drawn_classifier(0))
    choices = ExportConfig(to=kind, frames=FRAMES, side=SIDE)
    result = export(prepare_export(tmp_path / "encoder.pth", tmp_path / "out", choices))
    assert result.max_difference < 1e-4


@pytest.mark.slow
def test_onnx_runs_on_a_video_without_this_package(tmp_path, monkeypatch, capsys):
    """And with int8 weights, on as many clips as one likes."""
    pytest.importorskip("onnxruntime", reason="extra export is missing")
    read_here(monkeypatch)
    save_rigged(tmp_path / "model", rows=(-0.2, 0.3))
    for name, level in (("dark", 60), ("bright", 200)):
        (tmp_path / "test" / name).mkdir(parents=True)
        write_levels(tmp_path / "test" / name / "a.mp4", levels((30, level)))
    out = tmp_path / "out"
    flags = ["--int8", "--videos", str(tmp_path / "test"), "--json"]
    assert main(["export", str(tmp_path / "model"), str(out), *flags]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["max_difference"] < 1e-4
    assert report["int8"]["num_videos"] == 2
    assert report["int8"]["accuracy"] == [1.0, 1.0]
    assert report["int8"]["changed"] == 0

    video = write_levels(tmp_path / "v.mp4", levels(*((1, n) for n in range(100, 200, 2))))
    predictor = Predictor(tmp_path / "model", device="cpu", precision="fp32")
    wanted = dict(zip(("dark", "bright"), predictor.predict(video).scores, strict=True))
    for name, tolerance in (("model.onnx", 1e-4), ("model.int8.onnx", 0.1)):
        code = (
            "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="
            "'__main__'); assert not {'torch', 'videomae2'} & set(sys.modules)"
        )
        words = [str(out / "run.py"), str(video), "--json", "--model", name]
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=tmp_path, check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert json.loads(done.stdout) == pytest.approx(wanted, abs=tolerance)
    clips = graphs.draw_clips((4, 16, 16, 3), 7)
    found = graphs.open_graph(out / "model.onnx")(clips)
    np.testing.assert_allclose(found, predictor.module(clips).detach().numpy(), atol=1e-4)
