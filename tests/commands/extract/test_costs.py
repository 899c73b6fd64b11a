"""What extraction costs beside the model, in CPU seconds; docs/benchmarks.md has the figures."""

import pytest

from benchmarks.extract_features import measure_memory, measure_once, measure_share

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def test_all_but_the_forward_pass_of_vit_s_is_little(tmp_path):
    found = measure_share(tmp_path)
    assert found["frames"] == 300
    assert found["share_beside_forward"] <= 0.1


def test_decoding_once_is_three_times_as_fast_as_each_window_alone(tmp_path):
    found = measure_once(tmp_path)
    assert found["frames"] == 2000
    assert found["times_as_fast"] >= 3


def test_memory_does_not_grow_with_the_length_of_a_video(tmp_path):
    found = measure_memory(tmp_path)
    assert found["windows_20000"] > 10 * found["windows_2000"]
    assert found["mib_20000"] < found["mib_2000"] + 150
