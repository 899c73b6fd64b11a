"""Strips of what may be shown are kept while videos are scored, and nothing else."""

import numpy as np
import pytest
import torch

from videomae2.data.view_making import CoveredVideo
from videomae2.jobs.evaluation.contact_sheets import hits, misses
from videomae2.jobs.evaluation.gallery import SHOWN, Gallery
from videomae2.jobs.evaluation.video_results import Right, videos_of
from videomae2.tensors.merging import probabilities

VIDEOS, CLASSES = 200, 5


def _video(number):
    frames = torch.full((3, 8, 10, 3), number, dtype=torch.uint8)
    return CoveredVideo(frames, torch.tensor([[0, 0], [1, 2]]), [(0, 0, 8, 8)])


def _case(answers, seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(VIDEOS, 2, CLASSES)).astype(np.float32)
    names, paths = [f"c{i}" for i in range(CLASSES)], [f"{i}.mp4" for i in range(VIDEOS)]
    labels, targets = np.zeros(0, np.int64), np.zeros((0, 0))
    if answers == "one-class":
        labels = rng.integers(0, CLASSES, VIDEOS)
    elif answers == "many-classes":
        targets = (rng.random((VIDEOS, CLASSES)) > 0.5).astype(float)
    else:
        targets = rng.normal(size=(VIDEOS, CLASSES))
    return scores, Right(answers, names, paths, labels, targets)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("answers", ["one-class", "many-classes", "numbers"])
def test_all_that_is_shown_in_the_end_was_kept(answers, seed):
    scores, right = _case(answers, seed)
    gallery = Gallery(right)
    order = np.random.default_rng(seed).permutation(VIDEOS).tolist()
    for place in order:
        gallery.see(place, scores[place], _video(place))
    found = scores.astype(float) if answers == "numbers" else probabilities(scores, answers)
    told = list(videos_of(found.mean(axis=1), right))
    shown = {video.row for sheet in (hits, misses) for video in sheet(told, answers)}
    assert shown <= gallery.strips.keys()
    assert len(gallery.strips) <= 2 * (SHOWN + 2 * CLASSES)


def test_a_strip_shows_the_clip_in_the_middle():
    scores, right = _case("one-class", 0)
    gallery = Gallery(right)
    gallery.see(7, scores[7], _video(200))
    assert gallery.strips[7].startswith(b"\xff\xd8")
