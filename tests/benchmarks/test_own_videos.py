"""Own videos: which videos are on which side, which commands are run, and what is said of them."""

import csv
import json
import sys

import numpy as np
import pytest

from tests.benchmarks.programs import run
from videomae2.data.video.writer import write_video
from videomae2.errors import ConfigError

pytestmark = pytest.mark.usefixtures("programs")


@pytest.fixture
def clips(tmp_path):
    """A table of 2 classes x 6 people x 2 clips; files that no plan opens."""
    rows = [
        (f"clips/{person}_{label}_{number}.mp4", label, person)
        for label in ("opens", "closes")
        for person in "abcdef"
        for number in range(2)
    ]
    with (tmp_path / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "person"), *rows])
    for path, *_ in rows:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path / "clips.csv"


def plan(capsys, *words):
    import own_videos

    assert own_videos.main([*map(str, words), "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    return [line.split() for line in lines if line.startswith("    videomae2 ")]


def words_after(command, flag):
    return command[command.index(flag) + 1] if flag in command else None


def test_scratch_differs_from_pretrained_in_its_weights_and_rate_alone(clips, tmp_path, capsys):
    out = tmp_path / "out"
    commands = plan(capsys, clips, "--groups", "person", "--out", out, "--seeds", "3", "4")
    tuned = [c for c in commands if c[1] == "finetune" and "--validation.share" in c]
    assert len(tuned) == 4
    for scratch, pretrained in zip(tuned[:2], tuned[2:], strict=True):
        pair = []
        for command in (scratch, pretrained):
            words = command.copy()
            for flag in ("--out", "--optim.lr", "--init.weights"):
                if flag in words:
                    at = words.index(flag)
                    del words[at : at + 2]
            pair.append(words)
        assert pair[0] == pair[1]
        assert words_after(pretrained, "--init.weights").endswith(
            f"pretrain-seed{words_after(pretrained, '--seed')}"
        )
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "groups"),
    [((), None), (("--groups", "person"), "group"), (("--groups", "folder"), "")],
)
def test_groups_are_given_to_every_command_that_splits(clips, tmp_path, capsys, words, groups):
    if groups == "":
        words = ("--groups", "clips/([a-f])")
        groups = "group"
    commands = plan(capsys, clips, *words, "--out", tmp_path / "out")
    for command in commands:
        if command[1] == "probe":
            assert words_after(command, "--groups") == groups
        if command[1] == "finetune":
            assert words_after(command, "--labels.groups") == groups


def test_each_step_waits_for_what_it_needs_and_pixels_are_probed_once(tmp_path):
    from own_videos_jobs import Comparison, Settings

    comparison = Comparison(
        Settings(
            out=tmp_path,
            recipes=("own-cpu", "own-cpu-motion"),
            seeds=(0, 1, 2),
            labels=20,
            rates=(1e-3, 2e-3),
            steps=None,
            finetune_steps=300,
            num_groups=None,
        )
    )
    jobs = comparison.list_jobs()
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names) == 2 * (3 + 2 + 3 + 3 + 3)
    for number, job in enumerate(jobs):
        assert set(job.after) <= set(names[:number])
    probes = [job.commands()[0] for job in jobs if "/probe-" in job.name]
    assert sum("pixels" in probe for probe in probes) == 2
    for rate, accuracy in ((1e-3, 0.5), (2e-3, 0.75)):
        found = {"model": {"validation": {"accuracy": accuracy}}}
        (tmp_path / "own-cpu").mkdir(exist_ok=True)
        path = tmp_path / "own-cpu" / f"search-rate{rate:g}.stdout"
        path.write_text("words\n" + json.dumps(found) + "\n")
    assert comparison.choose_rate("own-cpu") == 2e-3


def write_program(tmp_path):
    """Stands for videomae2: notes its words; fails where it is told to."""
    path = tmp_path / "program.py"
    path.write_text(
        "import sys, pathlib\n"
        f"with pathlib.Path({str(tmp_path / 'called')!r}).open('a') as file:\n"
        "    print(*sys.argv[1:], file=file)\n"
        "print('{}')\n"
        "sys.exit(3 if 'fails' in sys.argv else 0)\n"
    )
    return (sys.executable, str(path))


def test_what_is_done_is_not_done_again_but_what_has_changed_is(tmp_path):
    from own_videos_jobs import Job
    from own_videos_pool import JobFailedError, JobPool

    program = write_program(tmp_path)

    def go(last):
        jobs = [
            Job(name="x/first", commands=lambda: [["one"], ["two"]]),
            Job(name="x/last", commands=lambda: [[last]], after=["x/first"]),
        ]
        JobPool(tmp_path, 2, lambda _: None, program).run(jobs)
        return (tmp_path / "called").read_text().split()

    with pytest.raises(JobFailedError, match=r"x/last ended with 3; the end of .*last\.log"):
        go("fails")
    assert go("three") == ["one", "two", "fails", "three"]
    assert go("three") == ["one", "two", "fails", "three"]
    assert go("four") == ["one", "two", "fails", "three", "four"]


def hits(*values):
    return {f"{number:03}.mp4": float(value) for number, value in enumerate(values)}


@pytest.mark.parametrize(
    ("shares", "is_clear"),
    [(((0.8, 0.5), (0.8, 0.5), (0.8, 0.5)), True), (((0.52, 0.5), (0.48, 0.5), (0.5, 0.5)), False)],
)
def test_an_interval_leaves_out_0_where_the_difference_is_large(shares, is_clear):
    from own_videos_report import bootstrap_difference

    rng = np.random.default_rng(0)
    draw = [[hits(*(rng.random(200) < share)) for share in pair] for pair in shares]
    values, rivals = zip(*draw, strict=True)
    interval = bootstrap_difference(values, rivals, resample_seeds=True)
    assert interval.low < interval.value < interval.high
    assert (interval.low > 0) is is_clear


def test_seeds_that_differ_widen_the_interval_and_other_videos_are_refused():
    from own_videos_report import bootstrap_difference

    values, rivals = [hits(1, 1, 1, 1), hits(0, 0, 0, 0)], [hits(0, 0, 0, 0)] * 2
    both, videos = (
        bootstrap_difference(values, rivals, resample_seeds=seeds) for seeds in (True, False)
    )
    assert (videos.low, videos.high, both.low, both.high) == (0.5, 0.5, 0.0, 1.0)
    with pytest.raises(ValueError, match="test videos of two runs differ"):
        bootstrap_difference(values, [hits(0, 0)] * 2, resample_seeds=True)


def test_lists_of_other_videos_under_a_folder_are_refused(clips, tmp_path):
    import own_videos

    data = own_videos.load_train_test(
        clips, None, own_videos.ProbeListConfig(groups="person"), seed=0
    )
    settings = own_videos.build_settings(
        own_videos.build_parser().parse_args([str(clips), "--out", str(tmp_path / "out")]), data
    )
    own_videos.write_lists(data, settings)
    own_videos.write_lists(data, settings)
    sides = [set(csv_column(path, "group")) for path in (settings.train, settings.test)]
    assert sides[0] | sides[1] == set("abcdef")
    assert not sides[0] & sides[1]
    settings.test.write_text("path,label\n")
    with pytest.raises(ConfigError, match="lists other videos"):
        own_videos.write_lists(data, settings)


@pytest.mark.parametrize(("people", "folds"), [("abcd", 3), ("abcdefgh", 5), ("abc", None)])
def test_folds_are_as_many_as_groups_at_most_and_few_groups_are_refused(
    tmp_path, capsys, people, folds
):
    import own_videos

    rows = [f"{p}{label}{n}.mp4,{label},{p}" for p in people for label in "xy" for n in range(5)]
    table = tmp_path / "clips.csv"
    table.write_text("\n".join(["path,label,person", *rows]) + "\n")
    words = [str(table), "--groups", "person", "--out", str(tmp_path / "out"), "--dry-run"]
    (tmp_path / "ax0.mp4").touch()
    if folds is None:
        assert own_videos.main(words) == 2
        assert "are of 2 groups; wanted 3 or more" in capsys.readouterr().err
        return
    probes = [command for command in plan(capsys, *words[:-1]) if command[1] == "probe"]
    assert {words_after(command, "--folds") for command in probes} == {str(folds)}


def csv_column(path, name):
    return [row[name] for row in csv.DictReader(path.read_text().splitlines())]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_all_of_it_on_made_up_videos(clips, tmp_path):
    rng = np.random.default_rng(0)
    for path in sorted((tmp_path / "clips").iterdir()):
        frames = rng.integers(90, 110, (8, 24, 32, 3), dtype=np.uint8)
        for number, frame in enumerate(frames):
            half = number if "opens" in path.name else 8 - number
            frame[12 - half : 13 + half, 8:24] = 20
        write_video(path, frames, rate=15)
    words = [clips, "--groups", "person", "--labels", 2, "--seeds", 0, 1, "--rates", "8e-3", "2e-2"]
    words += ["--steps", 3, "--finetune-steps", 3, "--out", tmp_path / "out"]
    words += ["--report", tmp_path / "docs" / "made-up"]
    first = run("own_videos.py", *map(str, words), seconds=1000)
    assert first.returncode == 0, first.stderr
    numbers = json.loads((tmp_path / "docs" / "made-up.json").read_text())
    assert [row["measure"] for row in numbers["comparisons"]] == ["frozen", "finetuned"]
    assert {row["pixels"] for row in numbers["pixels"]} == {"plain", "minus mean"}
    assert "fine-tuned, 2 labels a class" in (tmp_path / "docs" / "made-up.md").read_text()
    assert (tmp_path / "docs" / "made-up.png").stat().st_size > 10_000
    again = run("own_videos.py", *map(str, words), seconds=100)
    assert again.returncode == 0
    assert "begins" not in again.stdout
