"""Every video once, again and again: what could not be read is left out the next time."""

import numpy as np
import pytest

from videomae2.data.loading.loader import iterate_once
from videomae2.data.loading.quarantine import Quarantine
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.data.manifests.read import read_manifest
from videomae2.data.video.trim import open_video
from videomae2.data.views import read
from videomae2.errors import TooManyUnreadableError
from videomae2.tensors.grid import Cubes

CUBES = Cubes(frames=4, height=16, width=16, tubelet_size=2, patch_size=8, channels=3)


@pytest.fixture
def videos(tmp_path):
    (tmp_path / "v").mkdir()
    for number in range(5):
        np.save(tmp_path / "v" / f"{number}.npy", np.zeros((12, 16, 20, 3), np.uint8))
    (tmp_path / "v" / "2.npy").write_bytes(b"nothing")
    return read_manifest(tmp_path / "v")


def look(videos, folder, *, max_share=0.5):
    """Each look opens the list anew, as validation does."""
    source = SourceConfig(path=folder / "v", frame_interval=2.0, frame_sampling="dense")
    return list(
        iterate_once(
            [videos],
            DataConfig(sources=(source,), views=1),
            ReadingConfig(),
            CUBES,
            batch_size=2,
            num_workers=0,
            quarantine=Quarantine(folder, [videos], max_share=max_share),
        )
    )


def test_what_could_not_be_read_is_not_read_again(videos, tmp_path, monkeypatch):
    opened = []

    def counted(entry, shape):
        opened.append(entry.path)
        return open_video(entry, shape)

    monkeypatch.setattr(read, "open_video", counted)
    for number in (1, 2):
        batches = look(videos, tmp_path)
        assert [batch.num_unreadable for batch in batches] == [0, 1, 0]
        assert [place for batch in batches for place in batch.sample_ids] == [
            (0, n) for n in range(5)
        ]
        assert len(opened) == 5 * number - (number - 1)


def test_too_much_that_cannot_be_read_ends_every_look(videos, tmp_path):
    for _ in range(2):
        with pytest.raises(TooManyUnreadableError, match="1 of 5 videos cannot be read"):
            look(videos, tmp_path, max_share=0.1)
