"""What is read with a cache of decoded videos is what is read without, to the bit."""

import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.processes import descendants, is_alive, wait_until
from tests.helpers.videos import numbered
from videomae2.data.loading import caching, reading
from videomae2.data.loading.caching import CacheEstimate
from videomae2.data.loading.loader import BatchSchedule, Loader
from videomae2.data.loading.quarantine import Quarantine
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.data.video.writer import write_video
from videomae2.data.views import read
from videomae2.errors import ConfigError
from videomae2.tensors.grid import Cubes

CUBES = Cubes(frames=4, height=16, width=16, tubelet_size=2, patch_size=8, channels=3)
NUM_VIDEOS = 8


def draw(number, frames=14, height=24, width=32):
    return np.stack([numbered((number + i) % 250, height, width) for i in range(frames)])


def write_files(folder):
    for number in range(NUM_VIDEOS):
        write_video(folder / f"{number}.mp4", draw(number), rate=10)


def write_damaged_files(folder):
    """One cannot be opened, one is cut off, one has zeros in its middle."""
    write_files(folder)
    (folder / "1.mp4").write_bytes(b"nothing")
    data = (folder / "2.mp4").read_bytes()
    (folder / "2.mp4").write_bytes(data[: len(data) * 2 // 3])
    data = bytearray((folder / "3.mp4").read_bytes())
    data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    (folder / "3.mp4").write_bytes(data)


def write_image_folders(folder, sizes=((24, 32),)):
    for number in range(NUM_VIDEOS):
        (folder / f"{number}").mkdir()
        for i, frame in enumerate(draw(number)):
            height, width = sizes[i * len(sizes) // 14]
            path = folder / f"{number}" / f"img_{i + 1:05}.png"
            exif = Image.Exif()
            exif[0x0112] = 6  # turned by a quarter
            Image.fromarray(frame[:height, :width]).save(path, exif=exif)


def write_odd_image_folders(folder):
    """The size changes in the middle, a picture is broken: windows before and after can be read."""
    write_image_folders(folder, sizes=((24, 32), (20, 30)))
    (folder / "3" / "img_00002.png").write_bytes(b"nothing")


def write_arrays(folder):
    for number in range(NUM_VIDEOS):
        np.save(folder / f"{number}.npy", draw(number))


def write_deep_arrays(folder):
    """12 bits, of which some frames have more: they cannot be read."""
    for number in range(NUM_VIDEOS):
        frames = draw(number).astype(np.uint16) << 4
        frames[8 + number % 6 :] += 4096 * (number % 2)
        np.save(folder / f"{number}.npy", frames)


def write_windows(folder):
    """Windows of a few files, in frames and in seconds; one lies behind the end."""
    write_files(folder)
    lines = ["path,start_seconds,stop_seconds"]
    lines += [f"{n % 3}.mp4,{0.1 * n:.1f},{0.1 * n + 0.6:.1f}" for n in range(NUM_VIDEOS - 1)]
    (folder / "list.csv").write_text("\n".join([*lines, "4.mp4,20.0,21.0"]) + "\n")
    return folder / "list.csv"


KINDS = {
    "files": write_files,
    "damaged": write_damaged_files,
    "images": write_image_folders,
    "odd-images": write_odd_image_folders,
    "arrays": write_arrays,
    "deep-arrays": write_deep_arrays,
    "windows": write_windows,
}


def open_loader(path, folder, cache, *, first_step=0, workers=0, source=None, steps=8, **limits):
    """Four epochs of two steps of four videos."""
    sampling = {"frame_interval": 2.0, **(source or {})}
    config = SourceConfig(path=path, bits=12 if "deep" in str(path) else 16, **sampling)
    manifest = config.read(path)
    folder.mkdir(exist_ok=True)
    return Loader(
        [manifest],
        DataConfig(sources=(config,), views=2, cache=cache),
        ReadingConfig(num_workers=workers, **{"timeout_seconds": 20.0, **limits}),
        CUBES,
        BatchSchedule(
            global_batch_size=4, micro_batch_size=4, first_step=first_step, num_steps=steps
        ),
        seed=3,
        quarantine=Quarantine(folder, [manifest], max_share=1.0),
        num_workers=workers,
        pin=False,
    )


def flatten(batches):
    return [
        (
            batch.keys,
            batch.paths,
            [
                sample
                and (
                    sample.pixels.shape,
                    sample.pixels.numpy().tobytes(),
                    sample.frame_index.tolist(),
                    sample.boxes,
                    sample.flips,
                )
                for sample in batch.samples
            ],
        )
        for batch in batches
    ]


def read_all(path, folder, cache, **settings):
    with open_loader(path, folder, cache, **settings) as loader:
        batches, file = flatten(loader), folder / "unreadable.jsonl"
    return batches, file.read_text() if file.exists() else ""


@pytest.fixture(params=KINDS)
def path(request, tmp_path):
    folder = tmp_path / request.param
    folder.mkdir()
    return KINDS[request.param](folder) or folder


@pytest.mark.parametrize(
    "settings",
    [{}, {"source": {"frame_sampling": "whole"}}, {"max_short_side": 16}],
    ids=["strided", "whole", "small"],
)
def test_batches_and_quarantine_are_those_without(path, tmp_path, settings):
    expected = read_all(path, tmp_path / "off", "off", **settings)
    assert any(any(samples) for _, _, samples in expected[0]) or path.name == "odd-images"
    assert read_all(path, tmp_path / "auto", "auto", **settings) == expected


def test_a_run_that_goes_on_reads_what_it_would_have_read(path, tmp_path):
    expected, listed = read_all(path, tmp_path / "off", "off")
    first, _ = read_all(path, tmp_path / "on", "auto", steps=5)
    rest, relisted = read_all(path, tmp_path / "on", "auto", first_step=5)
    assert first + rest == expected
    assert relisted == listed


def test_later_epochs_open_nothing(tmp_path, monkeypatch, caplog):
    write_files(tmp_path)
    opened = []
    real = read.open_video

    def counted(entry, options):
        opened.append(entry.path)
        return real(entry, options)

    monkeypatch.setattr(read, "open_video", counted)
    caplog.set_level(logging.INFO)
    read_all(tmp_path, tmp_path / "on", "auto")
    assert len(opened) == len(set(opened)) == NUM_VIDEOS
    assert "8 videos take about 0.2 MiB decoded, within" in caplog.text
    opened.clear()
    read_all(tmp_path, tmp_path / "off", "off")
    assert len(opened) == 4 * NUM_VIDEOS
    opened.clear()
    read_all(tmp_path, tmp_path / "once", "auto", steps=2)  # one epoch: nothing comes again
    assert len(opened) == NUM_VIDEOS


def test_a_file_that_changes_or_goes_is_what_it_would_be_without(tmp_path):
    folder, results = tmp_path / "v", []
    folder.mkdir()
    for cache in ("auto", "off"):
        write_arrays(folder)
        with open_loader(folder, tmp_path / cache, cache, steps=14) as loader:
            batches = iter(loader)
            first = [next(batches) for _ in range(4)]  # and a few are ahead
            np.save(tmp_path / "new.npy", draw(99, frames=15))
            (tmp_path / "new.npy").replace(folder / "0.npy")
            (folder / "1.npy").unlink()
            flattened = flatten([*first, *batches])
        results.append(flattened[-4:])
    assert results[0] == results[1]
    assert any(samples.count(None) for _, _, samples in results[0])


def test_workers_share_one_copy(tmp_path):
    write_files(tmp_path)
    expected = read_all(tmp_path, tmp_path / "off", "off")
    with open_loader(tmp_path, tmp_path / "on", "auto", workers=2) as loader:
        (descriptor,) = loader._cache.descriptors
        assert flatten(loader) == expected[0]
        files = {os.stat(f"/proc/{pid}/fd/{descriptor}").st_ino for pid in descendants()}
        assert files == {os.fstat(descriptor).st_ino}
        assert loader._cache._frames.state[:2] == (8, 8 * (14 * 24 * 32 * 3 + 14 * 8))


def test_a_video_that_kills_a_decoder_elsewhere_is_read_as_without(tmp_path, monkeypatch):
    """Frames that no clip wants end the process, or take too long: the clips are there."""
    write_arrays(tmp_path)
    expected = read_all(tmp_path, tmp_path / "off", "off")
    for way in ("crash", "hang"):
        folder = tmp_path / way
        monkeypatch.setattr(reading, "FILL_CACHE", f"tests.helpers.pool_functions:fill_and_{way}")
        settings = {"workers": 1, "timeout_seconds": 1.5}
        assert read_all(tmp_path, folder, "auto", **settings) == expected


OWNER = """
import sys
from pathlib import Path
from tests.data.loading.test_caching import open_loader

folder = Path(sys.argv[1])
with open_loader(folder, folder, "auto", workers=2, steps=10**6) as loader:
    for number, batch in enumerate(loader):
        if number == 6:
            print(*[worker.process.pid for worker in loader.pool._workers], flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere an alarm does it, later")
def test_nothing_is_left_where_the_run_is_killed(tmp_path):
    write_arrays(tmp_path)
    before, root = sorted(os.listdir("/dev/shm")), Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"}
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as owner:
        pids = owner.stdout.readline().split()
        assert len(pids) == 2
        owner.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not any(is_alive(int(pid)) for pid in pids), 10.0)
    assert sorted(os.listdir("/dev/shm")) == before


@pytest.mark.parametrize("free_bytes", [0, 10**5, 3 * 10**5])
def test_what_does_not_fit_is_decoded_anew(tmp_path, monkeypatch, caplog, free_bytes):
    write_arrays(tmp_path)
    expected = read_all(tmp_path, tmp_path / "off", "off")
    monkeypatch.setattr(caching, "find_free_bytes", lambda: free_bytes)
    caplog.set_level(logging.INFO)
    assert read_all(tmp_path, tmp_path / "on", "auto") == expected
    assert re.search(
        "more than half of the free memory: [0-4] videos? kept, every clip", caplog.text
    )


@pytest.mark.parametrize(
    ("cache", "videos", "free", "text"),
    [
        ("auto", 100, 2000, "100 videos take about .* within half of the free .* decoded once"),
        ("auto", 100, 1000, "more than half of the .* every clip is decoded anew"),
        ("memory", 100, 1000, "within four fifths of"),
        ("auto", 0, 1000, "no video is read more than once"),
        ("off", 100, 1000, "off"),
    ],
)
def test_the_plan_says_sizes(cache, videos, free, text):
    estimate = CacheEstimate(cache=cache, num_videos=videos, video_bytes=7.5, free_bytes=free)
    assert re.search(text, estimate.describe())


def test_memory_that_is_not_there_is_refused_with_sizes():
    estimate = CacheEstimate(cache="memory", num_videos=9, video_bytes=2.0**30, free_bytes=2**33)
    with pytest.raises(ConfigError, match=r"take about 9.0 GiB .* four fifths of the free 8.0 GiB"):
        estimate.describe()
