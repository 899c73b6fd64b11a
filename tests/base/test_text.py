import pytest

from videomae2.base.text import format_count, suggest_nearest


@pytest.mark.parametrize(
    ("count", "noun", "spec", "text"),
    [
        (0, "clip", "", "0 clips"),
        (1, "clip", "", "1 clip"),
        (2, "training video", "", "2 training videos"),
        (1, "class", "", "1 class"),
        (3, "class", "", "3 classes"),
        (2, "entry", "", "2 entries"),
        (2, "day", "", "2 days"),
        (2, "batch", "", "2 batches"),
        (12_000, "video", ",", "12,000 videos"),
        (1.0, "epoch", "g", "1 epoch"),
        (0.5, "epoch", "g", "0.5 epochs"),
        (1.0004, "video", ".3g", "1 video"),
        (9.5, "s", "g", "9.5 s"),
    ],
)
def test_a_count_takes_its_noun_in_the_number_that_is_read(count, noun, spec, text):
    assert format_count(count, noun, spec) == text


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("finetun", "did you mean finetune?"),
        ("predikt", "did you mean predict?"),
        ("zzz", "there are finetune, predict"),
    ],
)
def test_the_nearest_word_is_suggested_or_all(word, suggestion):
    assert suggest_nearest(word, ("finetune", "predict")) == suggestion
