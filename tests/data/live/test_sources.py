import os

import pytest

from videomae2.data.live.sources import find_stream, hide_password, is_address
from videomae2.data.manifests.read import read_manifest
from videomae2.data.video.reader import open_reader
from videomae2.errors import ManifestError, VideoError


@pytest.mark.parametrize(
    ("name", "kind", "location", "shown"),
    [
        ("rtsp://192.0.2.1:554/stream1", "address", "rtsp://192.0.2.1:554/stream1", None),
        ("RTSP://host/x", "address", "rtsp://host/x", "RTSP://host/x"),
        ("http://host/clip.mp4", "address", "http://host/clip.mp4", None),
        ("https://me:word@host/a?b=c", "address", "https://me:word@host/a?b=c",
         "https://me:***@host/a?b=c"),
        ("udp://239.0.0.1:1234", "address", "udp://239.0.0.1:1234", None),
        ("0", "camera", "/dev/video0", "camera 0"),
        ("12", "camera", "/dev/video12", "camera 12"),
        ("/dev/video3", "camera", "/dev/video3", None),
        ("pipe", "pipe", "pipe", None),
    ],
)  # fmt: skip
def test_names_of_streams(tmp_path, monkeypatch, name, kind, location, shown):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    source = find_stream(name)
    assert (source.kind, source.location, source.name) == (kind, location, shown or name)


@pytest.mark.parametrize("name", ["a.mp4", "gone/0.mp4", "0", "7", "a:b.mp4", "1234", "-"])
def test_other_names_are_files(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0").write_bytes(b"x")
    (tmp_path / "7").mkdir()
    assert find_stream(name) is None


@pytest.mark.parametrize("name", ["ftp://host/a.mp4", "s3://bucket/a.mp4", "file://host/a.mp4"])
def test_other_addresses_are_refused_as_such(name):
    with pytest.raises(VideoError, match=r"streams of the kind \w+:// are not read, only http"):
        find_stream(name)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://a:b@h/x", "rtsp://a:***@h/x"),
        ("rtsp://a:b:c@h:8/x@y", "rtsp://a:***@h:8/x@y"),
        ("rtsp://a@h/x", "rtsp://a@h/x"),
        ("rtsp://h/x:y@z", "rtsp://h/x:y@z"),
    ],
)
def test_no_password_is_shown(address, shown):
    assert hide_password(address) == shown


@pytest.mark.parametrize(
    "name", ["rtsp://me:secret@host/x", "http://host/a.mp4", "https:/host/a.mp4", "s3://b/c"]
)
def test_an_address_is_no_missing_file(name):
    assert is_address(name)
    with pytest.raises(VideoError, match="it is an address, no file") as caught:
        open_reader(name)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "file_name"),
    [
        ("rtsp://me:word@192.0.2.1:554/a/b?c=d", "192.0.2.1_554_a_b_c_d"),
        ("0", "video0"),
        ("http://host/../../x", "host_.._.._x"),
    ],
)
def test_files_about_a_stream_have_safe_names(name, file_name):
    assert find_stream(name).file_name == file_name


@pytest.mark.parametrize("path", ["http://host/a.mp4", "s3://bucket/b.mp4", "rtsp://me:secret@h/c"])
def test_an_address_in_a_list_is_said_with_its_line(tmp_path, path):
    (tmp_path / "list.csv").write_text(f"a.mp4 0\n{path} 1\n")
    (tmp_path / "a.mp4").write_bytes(b"x")
    with pytest.raises(ManifestError, match=r"list.csv:2: .* is an address") as said:
        read_manifest(tmp_path / "list.csv")
    assert "secret" not in str(said.value)


def test_a_list_at_an_address_is_said():
    with pytest.raises(ManifestError, match="it is an address, and files of this machine"):
        read_manifest("https://host/list.csv")
