"""Bootstrap intervals cover, shrink, repeat; pairs are sharper."""

import numpy as np
import pytest

from videomae2.metrics.bootstrap import (
    Bootstrap,
    bootstrap,
    bootstrap_mean,
    compare_by_video,
    wilson_interval,
)


def test_the_interval_of_a_mean_is_near_the_normal_one():
    hits = np.array([1.0] * 70 + [0.0] * 30)
    got = bootstrap_mean(hits, Bootstrap(4000))
    half = 1.96 * (0.7 * 0.3 / 100) ** 0.5
    assert got.value == 0.7
    assert got.low == pytest.approx(0.7 - half, abs=0.015)
    assert got.high == pytest.approx(0.7 + half, abs=0.015)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(100):
        got = bootstrap_mean(rng.random(60), Bootstrap(120, seed))
        covered += got.low <= 0.5 <= got.high
    assert 88 <= covered <= 99


def test_a_mean_is_a_statistic_like_any_other():
    values = np.random.default_rng(1).random(40)
    interval, seeded = bootstrap_mean(values, Bootstrap(200, 5)), Bootstrap(200, 5)
    by_rows = bootstrap(lambda rows: float(values[rows].mean()), 40, seeded)
    assert (by_rows.low, by_rows.high) == pytest.approx((interval.low, interval.high))
    assert bootstrap_mean(values, seeded) == interval
    assert bootstrap_mean(values, Bootstrap(200, 6)) != interval


def test_samples_without_a_value_are_left_out():
    got = bootstrap(lambda rows: 1.0 if 0 in rows else float("nan"), 3, Bootstrap(50))
    assert (got.low, got.high) == (1.0, 1.0)
    nothing = bootstrap(lambda rows: float("nan"), 3, Bootstrap(5))
    assert np.isnan(nothing.low)


def test_one_video_is_its_own_interval():
    got = bootstrap_mean(np.array([0.25]))
    assert (got.value, got.low, got.high) == (0.25, 0.25, 0.25)


def test_pairs_are_sharper_than_two_intervals():
    rng = np.random.default_rng(2)
    difficulty = rng.random(300)
    one = (difficulty < 0.75).astype(float)
    other = (difficulty < 0.70).astype(float)
    both = compare_by_video(dict(enumerate(one)), dict(enumerate(other)))
    assert both.difference.value == pytest.approx((one - other).mean())
    assert both.is_clear
    assert both.fraction_better > 0.99
    apart = bootstrap_mean(one), bootstrap_mean(other)
    assert apart[0].low < apart[1].high  # alone, the intervals overlap
    same = compare_by_video(dict(enumerate(one)), dict(enumerate(one)))
    assert (same.is_clear, same.fraction_better) == (False, 0.5)


def test_pairs_are_found_by_video():
    one = {"a/1": 1.0, "b/1": 0.0, "c": 1.0}
    other = {"c": 0.0, "b/1": 0.0, "a/1": 1.0}
    assert compare_by_video(one, other).difference.value == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="1 videos have a value of one model only: d"):
        compare_by_video(one | {"d": 1.0}, other)


def test_the_interval_of_nothing_but_hits_is_not_a_point():
    got = wilson_interval(30, 30)
    assert got.high == 1.0
    assert 0.85 < got.low < 0.9
    assert wilson_interval(0, 30).low == 0.0
    few = wilson_interval(5, 10)
    assert (few.low, few.high) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_senseless_wishes_are_refused():
    with pytest.raises(ValueError, match="0 videos"):
        bootstrap(lambda rows: 0.0, 0)
    with pytest.raises(ValueError, match="0 videos and 2000 resamples"):
        bootstrap_mean(np.ones(0))
    with pytest.raises(ValueError, match="0 videos"):
        compare_by_video({}, {})
