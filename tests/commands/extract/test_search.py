"""Search: the moment that was cut out of a video is found; what cannot be searched is refused."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.commands.extract.test_extract import CONFIG, extract
from tests.helpers.classifiers import saved_autoencoder
from tests.helpers.films import film
from videomae2.cli.main import main
from videomae2.commands.extract.config import WindowConfig
from videomae2.commands.extract.search import prepare_search, run_search
from videomae2.data.loading.reading import ReadingConfig
from videomae2.errors import ConfigError
from videomae2.metrics.moments import WindowScaler, compare_means, find_moments, score_moments

HERE = ReadingConfig(num_workers=0)


@pytest.fixture(scope="module")
def found(place, tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    extract(place, folder / "f")
    return folder


def test_the_moment_that_was_cut_out_of_a_video_is_found(place, found):
    clip = film(found / "cut.mp4", 30, seed=2, first=61)  # of c, which has 150 frames
    result = run_search(prepare_search(found / "f", clip, top=3, reading=HERE, device="cpu"))
    best = result.moments[0]
    assert best.row.video == "c"
    start, stop = best.seconds
    assert start == pytest.approx(61 / 25, abs=0.09)
    assert stop == pytest.approx(91 / 25, abs=0.17)
    assert best.cosine > 0.9
    assert result.moments[1].cosine < best.cosine
    assert len(result.moments) == len(result.videos) == 3
    image = Image.open(result.sheet)
    assert image.format == "PNG"
    assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) > 100


def test_a_video_of_the_folder_is_nearest_to_itself(place, found, capsys):
    arguments = ["search", str(found / "f"), str(place / "videos" / "b.mp4"), "--json", "--top",
                 "2", "--num-workers", "0", "--device", "cpu"]  # fmt: skip
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    for best in (result["videos"][0], result["moments"][0]):
        assert (best["video"], best["start"]) == ("b", 0.0)
        assert best["cosine"] == pytest.approx(1, abs=1e-5)
    assert main([*arguments[:3], "--dry-run", "--device", "cpu"]) == 0
    assert "4 videos, 45 windows" in capsys.readouterr().out


def test_what_cannot_be_searched_is_refused(place, found, tmp_path):
    video = place / "videos" / "b.mp4"
    with pytest.raises(ConfigError, match="no folder of: videomae2 extract"):
        prepare_search(place / "videos", video)
    with pytest.raises(ConfigError, match="has 4 videos, and one is looked for"):
        prepare_search(found / "f", place / "videos", device="cpu")
    saved_autoencoder(tmp_path / "other", frames=8, height=16, width=16, embed_dim=36)
    with pytest.raises(ConfigError, match="backbone"):
        prepare_search(found / "f", video, weights=tmp_path / "other", device="cpu")
    extract(place, tmp_path / "f", pooling="tokens")
    with pytest.raises(ConfigError, match="--pooling mean"):
        prepare_search(tmp_path / "f", video, device="cpu")


def test_a_scaler_of_parts_is_that_of_the_whole():
    rng = np.random.default_rng(0)
    parts = [rng.normal(3, 2, (count, 5)).astype(np.float32) for count in (1, 7, 30)]
    scaler, whole = WindowScaler.fit(parts), np.concatenate(parts).astype(np.float64)
    np.testing.assert_allclose(scaler.mean, whole.mean(0), atol=1e-12)
    np.testing.assert_allclose(scaler.std, whole.std(0), atol=1e-12)
    constant = WindowScaler.fit([np.ones((4, 2), np.float32)])
    assert (constant(np.ones((1, 2), np.float32)) == 0).all()
    with pytest.raises(ValueError, match="no windows"):
        WindowScaler.fit([])


def test_windows_are_compared_in_their_order():
    rng = np.random.default_rng(1)
    windows = rng.normal(size=(40, 16))
    windows /= np.linalg.norm(windows, axis=1, keepdims=True)
    scores = score_moments(windows[17:22], windows)
    assert len(scores) == 36
    assert (scores.argmax(), scores.max()) == (17, pytest.approx(1))
    assert score_moments(windows[17:22][::-1], windows).max() < 0.7
    assert score_moments(windows, windows[10:12]).shape == (1,)
    assert compare_means(windows, windows) == pytest.approx(1)
    places = [place for _, place in find_moments(scores, 5, 4)]
    assert places[0] == 17
    assert min(abs(a - b) for a in places for b in places if a != b) >= 3
    assert len(find_moments(np.array([0.5, 0.2]), 2, 9)) == 2


def test_windows_without_a_clock_are_shown_too(place, tmp_path):
    (tmp_path / "v").mkdir()
    rng = np.random.default_rng(0)
    for name in "ab":
        np.save(tmp_path / "v" / f"{name}.npy", rng.integers(0, 256, (20, 16, 16, 3), np.uint8))
    extract(place, tmp_path / "f", videos=tmp_path / "v", windows=WindowConfig(frame_interval=1))
    plan = prepare_search(tmp_path / "f", tmp_path / "v" / "b.npy", reading=HERE, device="cpu")
    result = run_search(plan)
    assert result.moments[0].row.video == "b"
    assert result.moments[0].to_json()["start"] is None
    assert CONFIG.batch_size == 4
