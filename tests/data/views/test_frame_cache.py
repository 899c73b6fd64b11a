"""The memory of decoded videos: each once, all frames or none, and no more than there is."""

import numpy as np

from videomae2.data.views import frame_cache
from videomae2.data.views.frame_cache import create_cache


def test_a_sample_of_videos_tells_that_a_large_set_does_not_fit():
    cache = create_cache(1000, 10**6)
    frames = np.zeros((2, 20, 25, 3), np.uint8)  # 3 MB in all
    for number in range(40):
        if cache.claim(number):
            cache.add(number, frames, None, (0, 0))
    assert cache.state == (frame_cache.MIN_MEASURED - 1, 31 * 3000, 3 * 10**6)
    cache.close()


def test_memory_that_others_have_taken_since_is_not_taken(monkeypatch):
    cache, frames = create_cache(4, 10**9), np.zeros((70, 1000, 1000, 1), np.uint8)
    monkeypatch.setattr(frame_cache, "find_free_bytes", lambda: 10**8)
    assert cache.claim(0)
    cache.add(0, frames, None, (0, 0))
    assert cache.state == (0, 0, 4 * frames.nbytes)
    assert not cache.claim(1)
    cache.close()


def test_each_entry_is_tried_once_and_given_back_as_it_was(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"1")
    cache = create_cache(3, 10**6)
    frames, seconds = (
        np.arange(14 * 60, dtype=np.int64).astype(np.uint8).reshape(14, 4, 5, 3),
        np.arange(14) / 7,
    )
    state = frame_cache.read_file_state(str(file))
    assert [cache.claim(2), cache.claim(2), cache.claim(1)] == [True, False, True]
    cache.add(2, frames, seconds, state)
    reader = cache.find(2, str(file))
    np.testing.assert_array_equal(reader.read([3, 3, 0]), frames[[3, 3, 0]])
    np.testing.assert_array_equal(reader.seconds, seconds)
    assert cache.find(1, str(file)) is None
    file.write_bytes(b"22")
    assert cache.find(2, str(file)) is None
    cache.close()
