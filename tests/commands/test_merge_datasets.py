"""Unions of labelled sets from their lists: what comes out, is left out, is refused."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from tests.helpers.kinetics_annotations import REASONS, annotated, kinetics, reasons, video
from videomae2.commands.merge_datasets.options import MergeOptions
from videomae2.commands.merge_datasets.run import merge_datasets
from videomae2.data.manifests.public_classes import load_public_classes
from videomae2.data.manifests.read import read_manifest
from videomae2.data.merge import annotations
from videomae2.data.merge.output import OUTPUT_FILES, write_merged
from videomae2.errors import ConfigError

THREE = ("k400", "k600", "k700")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def parts(place):
    kinetics(place)
    return place


def letters(videos):
    return "".join(one.id.strip("_") for one in videos)


def listed(path: Path, *rows: tuple[str, object], header: str = "") -> None:
    """A list of files, which are made, empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = "," if header else " "
    path.write_text("\n".join([*filter(None, [header]), *(f"{p}{mark}{n}" for p, n in rows)]))
    for name, _ in rows:
        file = path.parent / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


# ---- what comes out


def test_which_lists_name_ids_is_looked_up_once(place, monkeypatch):
    listed(place / "a" / "train.csv", ("x.mp4", "run"), ("y.mp4", "walk"), header="path,label")
    listed(place / "b" / "train.csv", ("z.mp4", "run"), header="path,label")
    looked_at, read = [], annotations.read_table_text
    monkeypatch.setattr(
        annotations, "read_table_text", lambda path: looked_at.append(path) or read(path)
    )
    for _ in range(2):
        assert len(merge_datasets("any", ("a=a/train.csv", "b=b/train.csv")).training) == 3
    assert looked_at == ["a/train.csv", "b/train.csv"]
    listed(place / "b" / "train.csv", ("z.mp4", "run"), ("w.mp4", "run"), header="path,label")
    assert len(merge_datasets("any", ("a=a/train.csv", "b=b/train.csv")).training) == 4
    assert looked_at[2:] == ["b/train.csv"], "it was changed"


def test_every_reason_of_removal(parts):
    made = merge_datasets("kinetics-710", THREE)
    assert reasons(made) == REASONS
    assert letters(made.training) == "acdfh"
    assert letters(made.validation) == "egbj"
    assert made.classes == load_public_classes("kinetics-710")
    assert made.target_tests == (("k400", 1), ("k600", 2), ("k700", 2))
    assert "renamed: making bed -> making the bed (1 videos)" in made.format()


def test_the_released_order_takes_nothing_from_training(parts):
    made = merge_datasets("kinetics-710", THREE, options=MergeOptions(released_order=True))
    assert letters(made.training) == "abcdefh"
    assert letters(made.validation) == "gj"
    wanted = "validation video in training"
    assert {reasons(made)[key] for key in (("e", "k400", "validation"),
                                           ("b", "k600", "validation"))} == {wanted}  # fmt: skip
    assert made.format().endswith("target tests: none, only validation videos give way")


def test_targets_are_parts_and_lists_without_labels(parts):
    (parts / "test.csv").write_text(f"youtube_id,time_start\n{video('d')},1\n")
    (parts / "later.txt").write_text(f"somewhere/{video('f')}.mp4\n")
    tests = MergeOptions(target_tests=("k400", "test.csv", "later=later.txt"))
    made = merge_datasets("kinetics-710", THREE, options=tests)
    assert letters(made.training) == "abch"
    assert made.target_tests == (("k400", 1), ("test.csv", 1), ("later", 1))
    (parts / "test.csv").write_text(f"video_id\n{video('d')}_000001_000011\n")
    assert letters(merge_datasets("kinetics-710", THREE, options=tests).training) == "abch"
    (parts / "test.csv").write_text(f"video_id\n{video('d')}\n1\n")
    assert "test.csv:3: 1: '1' is no YouTube id" in refused(
        *THREE, kind="kinetics-710", options=tests
    )
    own = replace(tests, ids=("test.csv=file-name",))
    assert len(merge_datasets("kinetics-710", THREE, options=own).training) == 4


def test_a_test_video_without_a_file_is_not_trained_on(parts):
    (parts / "k600" / "videos" / "archery" / f"{video('b')}_000001_000011.mp4").unlink()
    made = merge_datasets("kinetics-710", THREE)
    assert reasons(made)["b", "k600", "validation"] == "no file"
    assert reasons(made)["b", "k400", "training"] == "test video in training"


def test_released_lists_with_numbers_and_names_for_them(parts):
    number = load_public_classes("kinetics-400").index("abseiling")
    for split, letter in (("train", "xc"), ("val", "y")):
        rows = [(f"v/{video(one)}_000001_000011.mp4", number) for one in letter]
        listed(parts / "r" / f"{split}.txt", *rows)
    (parts / "r" / "v" / f"{video('x')}_000001_000011.mp4").unlink()
    words = MergeOptions(class_names=("r=kinetics-400",))
    made = merge_datasets("kinetics-710", (*THREE, "r=r/train.txt,r/val.txt"), options=words)
    assert reasons(made)["x", "r", "training"] == "no file"
    assert reasons(made)["c", "r", "training"] == "duplicate"
    (last,) = [one for one in made.validation if one.id == video("y")]
    assert last.class_name == "abseiling"


def test_two_classes_of_kinetics_400_are_the_same_however_its_list_is_given(place):
    number, words = (
        load_public_classes("kinetics-400").index,
        MergeOptions(class_names=("kinetics-400",)),
    )
    name = f"{video('a')}.mp4"
    annotated(place / "annotated", train={"hugging": "a"})
    listed(place / "n.txt", (f"n/{name}", number("hugging baby")))
    listed(place / "c.csv", (f"c/{name}", "hugging baby"), header="path,label")
    for part in ("k400=annotated/train.csv", "k400=n.txt", "k400=c.csv"):
        made = merge_datasets("kinetics-710", (part,), options=words)
        assert [one.class_name for one in made.training] == ["hugging (not baby)"]
        assert "renamed: hugging -> hugging (not baby) (1 videos)" in made.format()
    made = merge_datasets("any", ("k400=annotated/train.csv",), options=words)
    assert [one.class_name for one in made.training] == ["hugging baby"]


def test_files_need_not_be_there(place):
    annotated(place / "k400", files=False, train={"archery": "ab"}, val={"archery": "a"})
    made = merge_datasets("kinetics-710", ("k400",), check_files=False)
    assert letters(made.training) == "b"
    with pytest.raises(ConfigError, match="leave out --no-files, or add --dry-run"):
        write_merged(made, place / "out")


def test_files_of_other_videos_and_roots(place):
    annotated(place / "lists", files=False, train={"archery": "ab"}, val={"archery": "c"})
    for name in (video("a") + ".mp4", video("c") + "_000001_000011.webm", "readme.mp4"):
        listed(place / "disk" / "list.txt", (name, 0))
    made = merge_datasets("kinetics-710", ("k=lists",), options=MergeOptions(roots=("k=disk",)))
    assert reasons(made) == {("b", "k", "training"): "no file"}
    assert made.training[0].entry.path == os.path.abspath(f"disk/{video('a')}.mp4")


def test_annotations_in_other_tables(place):
    (place / "a.jsonl").write_text(f'{{"label": "archery", "youtube_id": "{video("a")}"}}\n')
    table = pyarrow.table({"label": ["archery"], "youtube_id": [video("b")]})
    parquet.write_table(table, place / "b.parquet")
    listed(place / "v" / "l.txt", *((f"{video(one)}.mp4", 0) for one in "ab"))
    made = merge_datasets("kinetics-710", ("a=a.jsonl", "b=b.parquet"))
    assert letters(made.training) == "ab"


def test_any_sets_are_compared_by_whole_paths_however_written(place):
    listed(place / "a" / "l.csv", ("v/1.mp4", "run"), ("v/2.mp4", "hop"), header="path,label")
    listed(place / "b" / "l.csv", ("v/1.mp4", "walk"), ("../a/v/2.mp4", "hop"),
           header="path,label")  # fmt: skip
    made = merge_datasets("any", ("a=a/l.csv", f"b={place / 'b' / 'l.csv'}"))
    assert made.classes == ("hop", "run", "walk")
    assert [one.video.location for one in made.exclusions] == [f"{place}/b/l.csv:3"]
    by_name = merge_datasets(
        "any", ("a=a/l.csv", "b=b/l.csv"), options=MergeOptions(ids=("file-name",))
    )
    assert len(by_name.training) == 2


def test_classes_and_renames_of_a_user(place):
    listed(place / "l.csv", ("1.mp4", "jogging"), ("2.mp4", "hop"), header="path,label")
    (place / "same.yaml").write_text("jogging: run\n")
    (place / "names.txt").write_text("run\nhop\n")
    settings = MergeOptions(renames=Path("same.yaml"), classes=Path("names.txt"))
    made = merge_datasets("any", ("l=l.csv",), options=settings)
    assert made.classes == ("run", "hop")
    (place / "same.json").write_text('{"jogging": "run"}')
    made = merge_datasets("any", ("l=l.csv",), options=MergeOptions(renames=Path("same.json")))
    assert made.classes == ("hop", "run")


# ---- what is written


def test_lists_are_written_whole_and_can_be_read(parts):
    out = parts / "new" / "k710"
    written = write_merged(merge_datasets("kinetics-710", THREE), out)
    assert written == list(OUTPUT_FILES)
    assert sorted(path.name for path in out.iterdir()) == sorted(OUTPUT_FILES)
    names = load_public_classes("kinetics-710")
    train = read_manifest(out / "train.csv", labels="required", class_names=names)
    assert [names[label] for label in train.labels] == [
        "making the bed", "abseiling", "abseiling", "archery", "archery"]  # fmt: skip
    assert all(Path(entry.path).is_file() for entry in train)
    assert tuple((out / "classes.txt").read_text().splitlines()) == names
    rows = list(csv.DictReader((out / "excluded.csv").read_text().splitlines()))
    found = {(r["id"].strip("_"), r["source"], r["split"]): r["reason"] for r in rows}
    assert found == REASONS
    assert rows[1]["location"] == "k600/train.csv:2"
    assert rows[1]["matched_location"] == "k400/train.csv:2"


def test_a_union_can_be_a_part(parts):
    write_merged(merge_datasets("kinetics-710", ("k400", "k600")), parts / "both")
    made = merge_datasets("kinetics-710", ("both", "k700"))
    assert letters(made.training) == "acdfh"


def test_windows_stay_windows(place):
    for name in ("a", "b"):
        (place / name).mkdir()
    (place / "l.txt").write_text("a 30 0\nb 40 1\n")
    (place / "names.txt").write_text("run\nhop\n")
    made = merge_datasets("any", ("l=l.txt",), options=MergeOptions(class_names=("names.txt",)))
    write_merged(made, place / "out")
    again = read_manifest(
        place / "out" / "train.csv", labels="required", class_names=("run", "hop")
    )
    assert again.first.tolist() == [1, 1]
    assert again.frames.tolist() == [30, 40]
    assert again.is_frames.all()


def test_a_window_up_to_the_end_keeps_its_beginning(place):
    for name in "abc":
        (place / f"{name}.mp4").touch()
    rows = "path,label,first,frames\na.mp4,run,100,\nb.mp4,hop,,\nc.mp4,hop,0,10\n"
    (place / "l.csv").write_text(rows)
    write_merged(merge_datasets("any", ("l=l.csv",)), place / "out")
    again = read_manifest(place / "out" / "train.csv", labels="required")
    assert again.first.tolist() == [100, 0, 0]
    assert again.frames.tolist() == [-1, -1, 10]
    assert not again.is_frames.any()


def test_folders_of_frames_with_a_slash_at_the_end_are_there(place):
    for letter in "ab":
        (place / "v" / video(letter)).mkdir(parents=True)
    rows = [f"v/{video(letter)}/ 30 {number}" for number, letter in enumerate("abc")]
    (place / "l.txt").write_text("\n".join(rows))
    (place / "names.txt").write_text("run\nhop\nfly\n")
    words = MergeOptions(class_names=("names.txt",), ids=("youtube",))
    made = merge_datasets("any", ("l=l.txt",), options=words)
    assert letters(made.training) == "ab"
    assert reasons(made) == {("c", "l", "training"): "no file"}


def test_another_union_is_not_overwritten_unless_asked(parts):
    out, first = parts / "out", merge_datasets("kinetics-710", THREE)
    write_merged(first, out)
    assert write_merged(first, out) == []
    fewer = merge_datasets("kinetics-710", ("k400=k400/train.csv",))
    before = (out / "train.csv").read_text()
    with pytest.raises(
        ConfigError, match=r"out holds another union, train.csv, val.csv, excluded.c"
    ):
        write_merged(fewer, out)
    assert write_merged(fewer, out, replace=True, dry_run=True)
    assert (out / "train.csv").read_text() == before
    write_merged(fewer, out, replace=True)
    assert not (out / "val.csv").exists()
    assert len(read_manifest(out / "train.csv")) == 4


def test_lists_of_parts_are_never_overwritten(parts):
    with pytest.raises(ConfigError, match=r"k400/train.csv is a list of a part"):
        write_merged(merge_datasets("kinetics-710", THREE), parts / "k400", replace=True)


def test_a_folder_that_cannot_be_written_is_said(parts):
    (parts / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot write to .*file/out: Not a directory"):
        write_merged(merge_datasets("kinetics-710", THREE), parts / "file" / "out")


# ---- what is refused


def refused(*parts, kind="any", **settings):
    with pytest.raises(ConfigError) as error:
        merge_datasets(kind, parts, **settings)
    return str(error.value)


def test_words_that_cannot_be_read(parts):
    assert "no parts are named: wanted a folder with train.csv" in refused()
    assert "k40 is no folder; wanted a folder with" in refused("k40/", "k400")
    assert "=a: wanted a folder" in refused("=a")
    assert "k=a,b,c: wanted a folder" in refused("k=a,b,c")
    assert "k=a,: wanted a folder" in refused("k=a,")
    assert "two parts are called k400" in refused("k400", "k400=k600")
    (parts / "k400" / "val.csv").rename(parts / "k400" / "test.csv")
    assert "k400=k400/train.csv takes its training list alone" in refused("k400")
    (parts / "k700" / "validate.csv").touch()
    assert "has both val.csv and validate.csv; name one as k700=TRAIN,VAL" in refused("k700")
    assert len(refused("k40", "k400", "=a").splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"roots": ("k40=x",)}, "--roots k40=x: there is no part 'k40'; did you mean k400?"),
        ({"roots": ("x", "y")}, "--roots x y: one value for a part, as NAME=VALUE"),
        ({"roots": ("k400=x", "k400=y")}, "one value for a part"),
        ({"ids": ("yt",)}, "--ids yt: wanted one of path, file-name, youtube"),
        ({"ids": ("k400=path",)}, "--ids k400=path: its lists name videos by id"),
        ({"class_names": ("kinetics-40",)}, "--class-names kinetics-40 is no file"),
        (
            {"class_names": ("k600=hmdb51",)},
            "k600/train.csv: 2 of its classes are none of hmdb51: 'arch",
        ),
    ],
)
def test_settings_of_parts_that_cannot_be(parts, words, problem):
    assert problem in refused("k400", "k600", options=MergeOptions(**words))


def test_settings_without_effect(parts):
    both = MergeOptions(released_order=True, target_tests=("k400",))
    assert "leave out --target-tests" in refused("k400", options=both)
    said = refused("k400", kind="kinetics-710", options=MergeOptions(renames=Path("a.json")))
    assert "--renames has no effect on kinetics-710" in said


def test_targets_that_are_not_there(parts):
    said = refused("k400", "k600", options=MergeOptions(target_tests=("k40",)))
    assert "--target-tests k40: there is no such list, and no such part; did you mean k400?" in said
    said = refused("k=k400/train.csv", options=MergeOptions(target_tests=("k",)))
    assert "--target-tests k: this part has no validation list" in said


def test_lists_that_are_not_there_or_wrong_are_said_at_once(parts):
    (parts / "k600" / "train.csv").write_text("label,youtube_id\n,x\n")
    said = refused("a=a.csv", "k400", "k600=k600/train.csv,k600/vali.csv",
                   options=MergeOptions(ids=("youtube",)))  # fmt: skip
    assert f"a.csv: does not exist; {parts} is there, without a.csv" in said
    assert "k600/train.csv:2: the column label is empty" in said
    assert "k600/vali.csv: does not exist" in said


def test_numbers_without_names(place):
    listed(place / "l.txt", ("1.mp4", 0), ("2.mp4", 1))
    assert "l.txt: its labels are numbers; --class-names l=FILE says what" in refused("l=l.txt")


def test_files_that_are_not_there_or_several(parts):
    words = MergeOptions(roots=("k600",))
    said = refused("k700=k700/train.csv", options=words)
    assert "k700/train.csv: none of its 2 videos has a file below k600, such as" in said
    assert "--roots k700=FOLDER says where they lie" in said
    said = refused("k=k400/train.csv", options=MergeOptions(roots=(".",)))
    assert "3 of its videos have several files below ., such as /" in said
    assert "--roots k=FOLDER" in said


def test_mixed_ways_to_name_videos(parts):
    (parts / "mine" / "run").mkdir(parents=True)
    (parts / "mine" / "run" / "1.mp4").touch()
    said = refused("k400", "mine=mine")
    assert "mine names files, other lists name ids: --ids mine=youtube (or file-name)" in said
    made = merge_datasets("any", ("k400", "mine=mine"), options=MergeOptions(ids=("mine=path",)))
    assert len(made.training) == 5


def test_several_windows_of_a_video(place):
    rows = "path,label,first,frames\na.mp4,run,0,10\na.mp4,hop,10,10\n"
    (place / "l.csv").write_text(rows)
    (place / "a.mp4").touch()
    assert "l.csv: names several windows of" in refused("l=l.csv")


def test_a_misspelt_class(place):
    listed(place / "l.csv", ("1.mp4", "archery"), ("2.mp4", "abseilin"), header="path,label")
    settings = MergeOptions(classes=Path("kinetics-400"))
    said = refused("l=l.csv", options=settings)
    assert "1 class beside the 400 wanted: 'abseilin' (of l, near 'abseiling')" in said
    words = MergeOptions(ids=("file-name",))
    said = refused("l=l.csv", kind="kinetics-710", options=words)
    assert "beside the 710 wanted: 'abseilin'" in said


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("jog: run\nrun: hop\n", "renames lead to names that are renamed themselves: 'run'"),
        ("joging: run\n", "same.yaml:1: 'joging' is no class of any part; did you mean 'jog'?"),
        ("jog: 3\n", "same.yaml:1: 'jog': 3 are no two names; quote"),
        ("[jog, run]", "same.yaml: class names that become others, such as 'jogging: running',"),
        (None, "--renames same.yaml: cannot be read: No such file"),
    ],
)
def test_renames_that_cannot_be(place, text, problem):
    listed(place / "l.csv", ("1.mp4", "jog"), ("2.mp4", "run"), header="path,label")
    if text is not None:
        (place / "same.yaml").write_text(text)
    assert problem in refused("l=l.csv", options=MergeOptions(renames=Path("same.yaml")))


def test_names_that_no_list_can_hold(place):
    for name in ("0", "1"):
        (place / "mine" / name).mkdir(parents=True)
        (place / "mine" / name / "a.mp4").touch()
    made = merge_datasets("any", ("mine=mine",))
    with pytest.raises(ConfigError, match="no class can be called '0', '1': lists hold names"):
        write_merged(made, place / "out")


def test_names_of_files_that_no_list_can_hold(place):
    (place / "mine" / "run").mkdir(parents=True)
    (place / "mine" / "run" / os.fsdecode(b"caf\xe9.mp4")).touch()
    assert r"mine/run/caf\udce9.mp4' is no UTF-8, in which lists are" in refused("mine=mine")


def test_nothing_left_to_train_on(place):
    listed(place / "l.csv", ("1.mp4", "jog"), ("2.mp4", "run"), header="path,label")
    made = merge_datasets("any", ("l=l.csv,l.csv",))
    with pytest.raises(ConfigError, match="no training video is left; left out: 2 test video in"):
        write_merged(made, place / "out")
