"""Files of the hub: resumed, checked by their hash, and found again without a network."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.helpers.hub_cache import local_hub
from tests.helpers.hub_server import COMMIT, HubServer
from videomae2.errors import CheckpointError, ConfigError
from videomae2.models.weights.hub.cache import HubAddress
from videomae2.models.weights.hub.choose import choose_files
from videomae2.models.weights.hub.fetch import fetch, forbid_downloads
from videomae2.models.weights.hub.locate import locate_weights, name_weights

CONTENT = bytes(range(256)) * 400
REPO = "OpenGVLab/VideoMAE2"
FILE = "distill/vit_s_k710_dl_from_giant.pth"
NAME = Path("vit_s_k710_dl_from_giant")
CARD = b"---\nlicense: apache-2.0\n---\n"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    files = {REPO: {"README.md": CARD, FILE: CONTENT, "mae-g/other.pth": b"x"}}
    with local_hub(tmp_path / "cache", files, monkeypatch) as hub:
        yield hub


def blobs(tmp_path: Path) -> list[str]:
    folder = tmp_path / "cache" / f"models--{REPO.replace('/', '--')}" / "blobs"
    return sorted(path.name for path in folder.glob("*"))


def test_a_name_is_fetched_once(hub, tmp_path):
    path = locate_weights(NAME)
    assert path.read_bytes() == CONTENT
    assert (path.name, name_weights(path)) == (Path(FILE).name, NAME.name)
    assert not (path.parents[1] / "mae-g").exists()
    count = len(hub.requests)
    assert locate_weights(NAME) == path
    assert locate_weights(Path(f"hf://{REPO}/{FILE}")) == path
    hub.stop()
    assert locate_weights(NAME) == path
    assert len(hub.requests) == count


def test_a_path_that_is_there_comes_first(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    NAME.mkdir()
    assert locate_weights(NAME) == NAME
    assert not hub.requests


def test_a_cut_connection_is_resumed_at_once(hub):
    hub.cut_after = [30_000, 50_000]
    assert locate_weights(NAME).read_bytes() == CONTENT
    first, second, third = hub.downloads()
    assert first.endswith(hashlib.sha256(CONTENT).hexdigest())
    assert second.endswith("bytes=30000-")
    assert third.endswith("bytes=80000-")


def test_what_came_before_an_end_is_used_by_the_next_call(hub, tmp_path):
    hub.cut_after = [20_000, *5 * [0]]
    with pytest.raises(CheckpointError, match=r"connection .* broke .* goes on from there"):
        locate_weights(NAME)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert f"{digest}.incomplete" in blobs(tmp_path)
    assert digest not in blobs(tmp_path)
    hub.requests.clear()
    assert locate_weights(NAME).read_bytes() == CONTENT
    assert hub.downloads() == [f"GET /cdn/{digest} bytes=20000-"]
    assert f"{digest}.incomplete" not in blobs(tmp_path)


@pytest.mark.parametrize("arrived", [0, 20_000])
def test_a_wrong_hash_is_refused_and_nothing_counts(hub, tmp_path, arrived):
    hub.cut_after = [arrived, *5 * [0]] if arrived else []
    if arrived:
        with pytest.raises(CheckpointError, match="broke"):
            locate_weights(NAME)
    hub.wrong = True
    digest = hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(CheckpointError, match=rf"damaged: its hash is .* the hub says {digest}"):
        locate_weights(NAME)
    assert not [name for name in blobs(tmp_path) if digest in name]
    assert not list(tmp_path.rglob("*.pth"))
    hub.wrong = False
    assert locate_weights(NAME).read_bytes() == CONTENT


def test_without_a_network_one_sentence_says_what_to_do(hub, monkeypatch):
    hub.stop()
    wanted = rf"is not in the cache .* cannot be reached \(.*\): download .*/{FILE} elsewhere"
    with pytest.raises(CheckpointError, match=wanted):
        locate_weights(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE is set"):
        locate_weights(Path("hf://some/where"))


def test_a_dry_run_fetches_nothing(hub):
    with forbid_downloads(), pytest.raises(CheckpointError, match=f"models get {NAME} does"):
        locate_weights(NAME)
    assert not hub.requests


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("hf://no/such", "has no model no/such, or it is private"),
        (f"hf://{REPO}/none.pth", "names no file of weights|holds no weights"),
        (f"hf://{REPO}", r"name one as hf://.*/FILE: .*vit_s"),
        ("hf://justone", "is no address"),
        ("vit_g_hybrid_pt_1200e_k400_ft", "is not on the hub .* give the path"),
    ],
)
def test_what_cannot_be_had(hub, name, problem):
    with pytest.raises(CheckpointError, match=problem):
        locate_weights(Path(name))


@pytest.mark.parametrize(("status", "problem"), [(401, "sign in"), (503, "try again later")])
def test_a_refusal(hub, status, problem):
    hub.refuse = status
    with pytest.raises(CheckpointError, match=problem):
        fetch(HubAddress(repo=REPO, file=FILE))


def test_a_process_that_is_killed_leaves_what_the_next_one_goes_on_from(tmp_path):
    content, piece = os.urandom(11 * 2**20), 10 * 2**20  # the hub's library writes 10 MiB at once
    env = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-m", "videomae2", "models", "get", str(NAME)]
    with HubServer({REPO: {FILE: content}}) as hub:
        hub.stall_after = piece + 1000
        env |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
        process = subprocess.Popen(command, env=env)
        partial = f"{hashlib.sha256(content).hexdigest()}.incomplete"
        while not any(p.stat().st_size == piece for p in tmp_path.rglob(partial)):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.wait()
        assert not list(tmp_path.rglob("*.pth"))
        done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
        assert "fetched, and has the right hash" in done.stdout
        assert "cc-by-nc-4.0: not for commercial use" in done.stdout
        assert hub.downloads()[1].endswith(f"bytes={piece}-")
        [found] = tmp_path.rglob("*.pth")
        assert found.read_bytes() == content


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"pip install 'videomae2\[hub\]'"):
        locate_weights(NAME)


LISTING = ("README.md", "config.json", "model.safetensors", "modeling.py", "a/x.pth", "b/x.pth")
SHARDED = (
    "config.json", "pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin",
    "pytorch_model-00002-of-00002.bin", "optimizer.pt",
)  # fmt: skip


@pytest.mark.parametrize(
    ("names", "file", "chosen"),
    [
        (LISTING, "", ["config.json", "README.md", "model.safetensors"]),
        (LISTING, "model.safetensors", ["config.json", "README.md", "model.safetensors"]),
        (LISTING, "a", ["README.md", "a/x.pth"]),
        (LISTING, "a/x.pth", ["README.md", "a/x.pth"]),
        (SHARDED, "", list(SHARDED[:4])),
    ],
)
def test_which_files_make_a_model(names, file, chosen):
    assert choose_files(names, HubAddress(repo="some/one", file=file)) == chosen


def test_addresses_have_revisions(hub):
    path = locate_weights(Path(f"hf://{REPO}@{COMMIT}/{FILE}"))
    assert path.read_bytes() == CONTENT
    assert COMMIT in str(path)
