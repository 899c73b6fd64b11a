"""The measurements give sane numbers, count the right work, and print as table and JSON."""

import json
import os
import signal

import pytest
import torch

from tests.data.loading.test_quarantine import manifest
from videomae2.base.text import align_columns
from videomae2.cli.bench import main
from videomae2.cli.main import main as command
from videomae2.commands.bench import end_to_end, machine
from videomae2.commands.bench import run as whole_bench
from videomae2.commands.bench.config import BenchConfig
from videomae2.commands.bench.machine import measure_peak
from videomae2.commands.bench.model import MASKINGS, BenchCase, compute_step_flops, measure_step
from videomae2.data.loading.mixture import Mixture
from videomae2.data.synthetic import textured_videos
from videomae2.data.video.reader import open_reader
from videomae2.errors import ConfigError, ManifestError, TooManyUnreadableError
from videomae2.tasks.pretrain import count_tokens
from videomae2.training.metrics_buffer import LogWindow, StepRecord
from videomae2.training.runtime import Runtime

CPU = Runtime(torch.device("cpu"), "fp32", compile=False)
TINY = BenchCase(size="tiny", batch_size=2, side=32)


@pytest.fixture(autouse=True)
def _small_products(monkeypatch):
    """Products of 2048 rows in bfloat16 take seconds on a CPU that has no unit for them."""
    monkeypatch.setattr(machine, "CPU_SHAPES", ((256, 256, 256),))


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return textured_videos.write_synthetic_videos(
        tmp_path_factory.mktemp("made"), count=2, frames=70, seed=0
    )


def test_made_up_videos_are_read_back(videos):
    with open_reader(videos[0]) as reader:
        assert reader.num_frames == 70
        first, last = reader.read([0, 69])
    assert first.shape == (textured_videos.HEIGHT, textured_videos.WIDTH, 3)
    assert abs(first.astype(float) - last).mean() > 5, "something moves"


def test_made_up_videos_have_a_key_frame_every_16_frames(videos):
    import av

    with av.open(str(videos[0])) as box:
        keys = [packet.is_keyframe for packet in box.demux(video=0) if packet.size]
    assert [number for number, key in enumerate(keys) if key] == [0, 16, 32, 48, 64]


def test_sharper_videos_are_larger(tmp_path, videos):
    sharp = textured_videos.write_synthetic_videos(
        tmp_path, count=1, frames=70, seed=0, smoothness=1.0, noise=2.0
    )
    assert sharp[0].stat().st_size > 1.3 * videos[0].stat().st_size


def test_steps_are_timed_and_compared_with_the_peak():
    numbers = measure_step(TINY, CPU, repeats=2, warmups=1, peak=1e12)
    assert 0 < numbers.min_seconds <= numbers.median_seconds <= numbers.max_seconds
    assert numbers.clips_per_second == pytest.approx(2 / numbers.median_seconds)
    assert numbers.share_of_peak == pytest.approx(numbers.flops_per_second / 1e12)
    assert numbers.peak_memory_gib > 0


@pytest.mark.parametrize("masking", MASKINGS)
def test_operations_are_those_that_torch_counts(masking):
    """Torch counts attention on the meta device as four products back, without recomputing."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from videomae2.models.autoencoder import Autoencoder
    from videomae2.tasks.pretrain import PretrainTask
    from videomae2.tensors.clips import Clips

    case = BenchCase(size="tiny", masking=masking, batch_size=1, side=32)
    with torch.device("meta"):
        task = PretrainTask(Autoencoder(case.model), MASKINGS[masking])
        clips = Clips(
            torch.empty(1, 16, 32, 32, 3, dtype=torch.uint8),
            torch.empty(1, dtype=torch.int64),
            torch.empty(1),
        )
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        task(clips)[0].backward()
    counts = count_tokens(MASKINGS[masking], case.model.encoder.cubes.grid)
    assert compute_step_flops(case.model, counts) == pytest.approx(
        counter.get_total_flops(), rel=1e-3
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_peak_is_of_the_fastest_shape(dtype):
    shapes = ((8, 8, 8), (256, 256, 256))
    peak = measure_peak(torch.device("cpu"), dtype, seconds=0.01, shapes=shapes)
    assert peak.shape == (256, 256, 256)
    assert peak.flops_per_second > 1e8


def test_the_machine_is_named():
    found = machine.describe_machine(torch.device("cpu"))
    assert found.threads == torch.get_num_threads()
    assert found.torch in str(found)


SHORT = ["--size", "tiny", "--side", "32", "--batch-size", "4", "--repeats", "1", "--reads", "2"]
SHORT += ["--peak-seconds", "0.01", "--precision", "fp32", "--masking", "dual"]


def test_all_parts_as_json(videos, capsys):
    assert main(["pretrain", *SHORT, "--videos", str(videos[0].parent), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["steps"][0]["masking"] == "dual"
    assert report["reading"]["clips_per_second_per_core"] > 0
    spent = sum(report["reading"]["stage_seconds"].values())
    assert spent == pytest.approx(report["reading"]["seconds"], rel=0.05)
    assert min(report["reading"]["stage_seconds"].values()) > 0
    assert report["end_to_end"]["steps"] == 6
    assert 0 <= report["end_to_end"]["data_wait_share"] <= 1


def test_one_part_as_a_table_with_videos_of_its_own(capsys):
    words = ["--parts", "data", "--synthetic-videos", "1", "--synthetic-frames", "66"]
    words += ["--synthetic-smoothness", "1", "--synthetic-noise", "2"]
    assert main([*SHORT, *words]) == 0
    text = capsys.readouterr().out
    assert "1 made up, H.264 340x256, key frame every 16" in text
    assert "clips/s per core, 4 of each video" in text
    assert "model step" not in text


def test_what_cannot_work_is_said_at_once():
    with pytest.raises(ConfigError, match="--repeats 0 cannot work; it wants 1 or more") as caught:
        main([*SHORT, "--repeats", "0", "--side", "31"])
    assert "32 would work" in str(caught.value)


def test_columns_stand_under_their_heads():
    table = align_columns(("name", "s"), [("a", "1.0"), ("longer", "10.0")])
    assert table.splitlines() == ["name       s", "a        1.0", "longer  10.0"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--frame-interval", "0"], "--frame-interval 0(.0)? cannot work; it wants 1 or more"),
        (["--frame-interval", "2.5"], "--frame-interval must be a whole number of frames, got 2.5"),
        (["--frame-interval", "inf"], "--frame-interval must be a whole number of frames, got inf"),
        (["--batch-size", "0"], "--batch-size 0(.0)? cannot work; it wants 1 or more"),
        (["--side", "0"], "--side 0(.0)? cannot work; it wants 1 or more"),
        (["--num-workers", "-1"], "--num-workers -1(.0)? cannot work; it wants 0 or more"),
        (["--videos", "typo/"], "--videos typo does not exist"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_measured(words, problem):
    with pytest.raises(ConfigError, match=problem):
        main([*SHORT, *words])


def test_videos_that_cannot_be_listed_are_said_before_anything_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(whole_bench, "_measure_model", None)
    with pytest.raises(ManifestError, match="no video in this folder"):
        main([*SHORT, "--videos", str(tmp_path)])


@pytest.fixture
def ctrl_c():
    """Python's own handler, which it leaves out where tests run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_it_like_any_command_that_saves_nothing(videos, monkeypatch, capsys):
    whole = end_to_end.iterate_micro_batches

    def interrupted(*words):
        for number, part in enumerate(whole(*words)):
            if number == 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield part

    monkeypatch.setattr(end_to_end, "iterate_micro_batches", interrupted)
    words = ["--parts", "end_to_end", "--videos", str(videos[0].parent), "--num-workers", "0"]
    assert command(["bench", "pretrain", *SHORT, *words]) == 1
    assert capsys.readouterr().err.endswith("videomae2: stopped by Ctrl-C\n")


def test_videos_that_cannot_be_read_are_no_clips(tmp_path):
    record = StepRecord(
        step=3,
        loss=1.0,
        lr=0.1,
        grad_norm=1.0,
        metrics={},
        num_clips=8,
        num_unreadable=1,
        skipped=False,
        samples=(),
    )
    reports = [LogWindow([record, record], seconds=3.0, wait_seconds=0.0)]
    found = end_to_end._summarize_windows(reports, videos_per_step=4, views=2, num_workers=0)
    assert found.clips_per_second == 4.0
    for number in range(3):
        (tmp_path / f"{number}.npy").write_bytes(b"nothing")
    data = BenchConfig(views=2, frame_interval=1.0).build_data(tmp_path)
    with pytest.raises(TooManyUnreadableError, match="1 of 3 videos cannot be read"):
        end_to_end.measure_end_to_end(TINY, CPU, data, num_workers=0)


@pytest.mark.parametrize("videos", [3, 1000])
def test_an_epoch_is_as_many_videos_as_the_steps_need(tmp_path, videos):
    data = BenchConfig(views=2, frame_interval=1.0).build_data(tmp_path)
    listed = manifest(tmp_path, [f"{number}.mp4" for number in range(videos)])
    (source,) = end_to_end._repeat_source(data, [listed], videos=16).sources
    assert Mixture([len(listed)], [source.weight], seed=0).epoch_size == 16


def test_each_precision_is_measured_under_its_own_switch(monkeypatch):
    """And what trains at the end is in the first that was asked for."""
    seen, now = [], []
    monkeypatch.setattr(whole_bench, "set_matmul_precision", lambda one: now.append(one.precision))

    def watched(name):
        plain = getattr(whole_bench, name)

        def call(*arguments, **settings):
            seen.append((name, now[-1]))
            return plain(*arguments, **settings) if name == "measure_peak" else None

        monkeypatch.setattr(whole_bench, name, call)

    for name in ("measure_peak", "measure_step", "measure_end_to_end"):
        watched(name)
    config = BenchConfig(
        size="tiny",
        side=32,
        batch_size=4,
        precision=("bf16", "fp32"),
        masking=("dual",),
        repeats=1,
        peak_seconds=0.001,
        parts=("model", "end_to_end"),
        synthetic_videos=2,
        synthetic_frames=8,
        views=1,
        num_workers=0,
        device="cpu",
    )
    whole_bench.run_bench(config)
    assert seen == [
        ("measure_peak", "fp32"),
        ("measure_peak", "bf16"),
        ("measure_step", "bf16"),
        ("measure_step", "fp32"),
        ("measure_end_to_end", "bf16"),
    ]


def test_a_dry_run_says_what_would_be_measured_and_what_cannot(videos, capsys, monkeypatch):
    monkeypatch.setattr(whole_bench, "measure_peak", None)
    words = ["pretrain", "--size", "tiny", "--device", "cpu", "--dry-run"]
    assert main([*words, "--precision", "fp32", "--videos", str(videos[0].parent)]) == 0
    said = capsys.readouterr().out
    assert "steps    dual fp32, lean fp32, v1 fp32: tiny, 4 clips of 16x64x64, 5 times each" in said
    assert main([*words, "--precision", "fp32", "--json"]) == 0
    assert "made up" in json.loads(capsys.readouterr().out)["plan"]["videos"][0]
    with pytest.raises(ConfigError, match="does not exist"):
        main([*words, "--videos", str(videos[0].parent / "gone")])
