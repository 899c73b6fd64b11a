import json

import pytest

from tests.benchmarks.programs import run


@pytest.mark.slow
def test_both_ways_agree_and_ours_opens_each_video_once():
    words = ("--videos", "4", "--frames", "90", "--video-size", "48", "64", "--side", "32")
    done = run("evaluate_views.py", *words, "--device", "cpu", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["videos"], found["views"]) == (4, 15)
    assert (found["decodings_once"], found["decodings_per_view"]) == (4, 60)
    assert found["largest_difference"] < 1e-5
