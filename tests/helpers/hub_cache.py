"""A hub on this machine with its cache in a folder, in the place of huggingface_hub's own."""

import time
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from huggingface_hub import constants

from tests.helpers.hub_server import HubServer


@contextmanager
def local_hub(cache: Path, files: dict[str, dict[str, bytes]], monkeypatch):
    """Let huggingface_hub ask a server of the tests, and wait for nothing between tries."""
    with HubServer(files) as hub:
        monkeypatch.setenv("HF_TOKEN", "hf_of_tests")
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_URL_HOSTS", frozenset({"127.0.0.1"}))
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)  # what comes in one piece
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        sleep = time.sleep
        with patch("time.sleep", lambda seconds: sleep(min(seconds, 0.01))):
            yield hub
