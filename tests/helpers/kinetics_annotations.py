"""Annotations as those of Kinetics, and empty files called as its videos."""

from pathlib import Path

HEADER = "label,youtube_id,time_start,time_end,split"


def video(letter: str) -> str:
    """An id of 11 characters."""
    return f"{letter:_>11}"


def annotated(folder: Path, *, files: bool = True, **lists: dict[str, str]) -> Path:
    """Lists of letters by class: annotated(f, train={"archery": "ab"}, val={"archery": "c"})."""
    folder.mkdir(parents=True)
    for split, classes in lists.items():
        rows = [(name, video(letter)) for name, letters in classes.items() for letter in letters]
        lines = [f'"{name}",{id_},1,11,{split}' for name, id_ in rows]
        (folder / f"{split}.csv").write_text("\n".join([HEADER, *lines]) + "\n")
        for name, id_ in rows if files else []:
            place = folder / "videos" / name
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{id_}_000001_000011.mp4").touch()
    return folder


def kinetics(place: Path) -> None:
    """Three parts: a of k600 is one of k400; b, a test video of k600, is trained on in k400."""
    annotated(
        place / "k400",
        train={"making bed": "a", "abseiling": "bcd"},
        val={"abseiling": "e"},
    )
    annotated(
        place / "k600",
        train={"making the bed": "a", "archery": "ecf"},
        validate={"archery": "gb"},
    )
    annotated(place / "k700", train={"archery": "hi"}, val={"archery": "jg"})
    (place / "k700" / "videos" / "archery" / f"{video('i')}_000001_000011.mp4").unlink()


REASONS = {
    ("i", "k700", "training"): "no file",
    ("a", "k600", "training"): "duplicate",
    ("c", "k600", "training"): "duplicate of another class",
    ("b", "k400", "training"): "test video in training",
    ("e", "k600", "training"): "test video in training",
    ("g", "k700", "validation"): "duplicate",
}


def reasons(made):
    return {
        (one.video.id.strip("_"), one.video.source, one.video.split): one.reason
        for one in made.exclusions
    }
