"""The demo's report: one page that shows the progression and what each part was worth."""

import os
from pathlib import Path

from videomae2.engine.runlog import METRICS_FILE
from videomae2.jobs.demo import Judged, Shown, Stages
from videomae2.jobs.pages.markup import (
    Markup,
    figure,
    image,
    page,
    paragraph,
    section,
    table,
    tag,
    tiles,
)
from videomae2.jobs.pages.matrices import Bar, bars
from videomae2.jobs.pages.training import training_part
from videomae2.jobs.whole_files import written_whole


def write_page(shown: Shown, stages: Stages, path: Path) -> Path:
    """Write the page, whole or not at all; links in it are relative to its folder."""
    with written_whole(path) as partial:
        partial.write_text(_page(shown, stages, path.parent), encoding="utf-8")
    return path


def _page(shown: Shown, stages: Stages, folder: Path) -> str:
    judged = (shown.pretrained, shown.scratch, shown.student)
    return page(
        "The whole progression on moving shapes",
        tiles((one.name, f"{one.accuracy.value:.1%}", _between(one)) for one in judged),
        _verdict(shown),
        section("Held-out videos told right", _accuracies(shown, judged, folder)),
        section("What pre-training learnt", _reconstruction(shown)),
        *(
            training_part(run.record.out / METRICS_FILE, f"Loss, {name}")
            for name, run in (
                ("pre-training", stages.pretrain),
                ("fine-tuning from the pre-trained model", stages.finetune),
                ("the same fine-tuning from scratch", stages.scratch),
                ("distillation", stages.distill),
            )
        ),
        subtitle="One dual-masked pre-training without labels, then two fine-tunings that differ "
        "in their first weights alone, and a student.",
    )


def _verdict(shown: Shown) -> Markup:
    gain = shown.gain.difference
    clear = "leaves out 0" if shown.gain.is_clear else "holds 0, so it may be chance"
    return paragraph(
        f"Pre-training is worth {gain.value * 100:+.1f} points of accuracy (between "
        f"{gain.low * 100:+.1f} and {gain.high * 100:+.1f} on the same videos; the interval "
        f"{clear}). Guessing would tell {1 / shown.classes:.1%} right. Both fine-tunings see the "
        f"same labelled videos in the same order for the same number of steps."
    )


def _accuracies(shown: Shown, judged: tuple[Judged, ...], folder: Path) -> Markup:
    found = [
        Bar(one.name, one.accuracy.value, one.accuracy.low, one.accuracy.high, _between(one))
        for one in judged
    ]
    rows = [
        (
            tag("a", one.name, href=os.path.relpath(one.report, folder)),
            f"{one.accuracy.value:.1%}",
            _between(one),
            f"{one.parameters / 1e6:.2f} M",
        )
        for one in judged
    ]
    heads = ("model, with its own report", "accuracy", "95 % interval", "parameters")
    words = "accuracy of the three models on held-out videos, with 95 % intervals"
    return figure(bars(found, words=words)) + table(heads, rows, numeric=(1, 2, 3))


def _reconstruction(shown: Shown) -> Markup:
    words = "original, hidden and rebuilt frames of held-out videos"
    caption = (
        f"Loss {shown.held_out_loss:.3f} on these videos; predicting each cube's mean would give "
        f"{shown.baseline:.3f}."
    )
    return figure(image(shown.picture.read_bytes(), "png", words=words), caption)


def _between(one: Judged) -> str:
    return f"{one.accuracy.low:.1%} to {one.accuracy.high:.1%}"
