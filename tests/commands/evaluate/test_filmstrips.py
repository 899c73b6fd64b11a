"""Strips of what may be shown are kept while videos are scored, and nothing else."""

import numpy as np
import pytest
import torch

from videomae2.commands.evaluate.filmstrips import ThumbnailCache
from videomae2.commands.evaluate.predictions import GroundTruth, rank_videos
from videomae2.data.views.resize import ResizedVideo
from videomae2.metrics.classification import compute_probabilities
from videomae2.reports.evaluation import SHEET_SIZE, select_hits, select_misses

VIDEOS, CLASSES = 200, 5


def _video(number):
    frames = torch.full((3, 8, 10, 3), number, dtype=torch.uint8)
    return ResizedVideo(frames, torch.tensor([[0, 0], [1, 2]]), [(0, 0, 8, 8)])


def _case(answers, seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(VIDEOS, 2, CLASSES)).astype(np.float32)
    names, paths = [f"c{i}" for i in range(CLASSES)], [f"{i}.mp4" for i in range(VIDEOS)]
    labels, targets = np.zeros(0, np.int64), np.zeros((0, 0))
    if answers == "multiclass":
        labels = rng.integers(0, CLASSES, VIDEOS)
    elif answers == "multilabel":
        targets = (rng.random((VIDEOS, CLASSES)) > 0.5).astype(float)
    else:
        targets = rng.normal(size=(VIDEOS, CLASSES))
    return scores, GroundTruth(answers, names, paths, labels, targets)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("answers", ["multiclass", "multilabel", "regression"])
def test_all_that_is_shown_in_the_end_was_kept(answers, seed):
    scores, right = _case(answers, seed)
    gallery = ThumbnailCache(right)
    order = np.random.default_rng(seed).permutation(VIDEOS).tolist()
    for place in order:
        gallery.add(place, scores[place], _video(place))
    found = (
        scores.astype(float) if answers == "regression" else compute_probabilities(scores, answers)
    )
    told = list(rank_videos(found.mean(axis=1), right))
    shown = {video.row for sheet in (select_hits, select_misses) for video in sheet(told, answers)}
    assert shown <= gallery.filmstrips.keys()
    assert len(gallery.filmstrips) <= 2 * (SHEET_SIZE + 2 * CLASSES)


def test_a_strip_shows_the_clip_in_the_middle():
    scores, right = _case("multiclass", 0)
    gallery = ThumbnailCache(right)
    gallery.add(7, scores[7], _video(200))
    assert gallery.filmstrips[7].startswith(b"\xff\xd8")
