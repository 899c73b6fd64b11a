"""Files by the names that Label Studio's server has for them."""

import pytest

from videomae2.data.manifests.read import read_manifest
from videomae2.errors import ManifestError


def read(folder, paths, files, **options):
    for file in files:
        (folder / "files" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / "files" / file).touch()
    rows = "".join(f'"{path}",c{n}\n' for n, path in enumerate(paths))
    (folder / "list.csv").write_text("video,choice\n" + rows)
    return read_manifest(
        folder / "list.csv", labels="required", root=folder / "files", **options
    ).paths


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/data/upload/1/ab12cd30-v00.mp4", "v00.mp4"),
        ("/data/upload/1/ab12cd30-v00.mp4", "ab12cd30-v00.mp4"),
        ("/data/upload/ab12cd30-v00.mp4", "deep/er/v00.mp4"),
        ("/data/upload/1/ab12cd30-my%20v.mp4", "my v.mp4"),
        ("http://localhost:8080/data/upload/3/ab12cd30-v00.mp4", "1/v00.mp4"),
        ("/data/local-files/?d=l/v00.mp4", "v00.mp4"),
        ("/data/local-files/?d=home/me/l/v00.mp4", "l/v00.mp4"),
        ("/data/local-files?d=v%C3%A9.mp4", "vé.mp4"),
    ],
)
def test_a_served_file_is_found_by_its_name(tmp_path, path, file):
    assert read(tmp_path, [path], [file, "other.mp4"]) == [file]


def test_of_several_files_of_a_name_the_one_that_lies_so_is_taken(tmp_path):
    paths = ["/data/local-files/?d=x/a/v.mp4", "/data/local-files/?d=x/b/v.mp4"]
    assert read(tmp_path, paths, ["a/v.mp4", "b/v.mp4", "v.mp4"]) == ["a/v.mp4", "b/v.mp4"]


@pytest.mark.parametrize(
    ("paths", "files", "problem"),
    [
        (["/data/upload/1/ab12cd30-v.mp4"], ["w.mp4"], "no ab12cd30-v.mp4 or v.mp4 is in .*/files"),
        (["/data/local-files/?d=x/v.mp4"], ["w.mp4"], "no v.mp4 is in .* give the folder of the"),
        (["/data/upload/1/ab12cd30-v.mp4"], ["a/v.mp4", "b/v.mp4"], "could be a/v.mp4 or b/v.mp4"),
        (["/data/upload/1/ab12cd30-v.mp4", "/data/upload/1/ab12cd31-v.mp4"], ["v.mp4"],
         "v.mp4 could be ab12cd30-v.mp4 or ab12cd31-v.mp4"),
    ],
)  # fmt: skip
def test_a_served_file_is_never_guessed(tmp_path, paths, files, problem):
    with pytest.raises(ManifestError, match=problem) as caught:
        read(tmp_path, paths, files)
    assert "\n" not in str(caught.value)
