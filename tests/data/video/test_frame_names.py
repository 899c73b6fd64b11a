"""Which images are the frames of a folder, and in which order; none that may be is dropped."""

import random

import pytest

from videomae2.data.video.frame_names import order_frames, parse_frame_name

ORDERED = {
    "equal decimals": ["t=0.00", "t=0.25", "t=0.50", "t=1.00", "t=10.25"],
    "one decimal": ["t=0.0", "t=0.1", "t=0.9", "t=1.0"],
    "padded parts": ["s1.001", "s1.002", "s1.010", "s2.001"],
    "commas": ["0,00 s", "0,04 s", "0,08 s", "0,12 s"],
    "arabic": ["\u0660", "\u0661", "\u0669", "\u0661\u0660", "\u0661\u0661"],
    "full width": ["f\uff11", "f\uff12", "f\uff11\uff10", "f\uff11\uff11"],
    "devanagari": ["\u0968", "\u0969", "\u0967\u0966"],
    "letters": ["img_1a", "img_2a", "img_10a"],
    "versions that agree": ["1.1", "1.2", "1.3", "2.1"],
}
REFUSED = {
    "decimals": ["t=0.0", "t=0.25", "t=0.5", "t=0.75", "t=1.0"],
    "sections": ["1.8", "1.9", "1.10", "1.11"],
    "decimal commas": ["0,5", "0,25", "0,75", "1,0"],
    "equal decimals of other lengths": ["a0.5", "a0.50", "a0.75"],
    "behind a name": ["cam1_0.5", "cam1_0.125", "cam1_1.0"],
}
MAY_BE_FRAMES = {
    "hex": [f"{n:x}" for n in range(24)],
    "padded hex": [f"frame_{n:02X}" for n in range(11)],
    "hex of two letters": [f"{n:02x}" for n in (*range(10), 0xAA)],
    "copies of Windows": ["img", "img (1)", "img (2)", "img (3)"],
    "two copies": ["img", "img (1)"],
    "the first has no number": ["frame", "frame_1", "frame_2", "frame_3"],
    "a number behind the name": ["clip-7 out", "clip- out", "clip-8 out", "clip-9 out"],
    "negative": ["t=-1", "t=0", "t=1", "t=2"],
    "half": ["t0", "t0.5", "t1", "t2", "t3"],
    "powers": ["t1e-05", "t1", "t2", "t3"],
    "many": [*map(str, range(20)), "alpha", "beta", "gamma", "delta", "omega"],
}
NO_FRAMES = ["cover", "thumb", "poster", "img_cover", "img_01 copy", "img_01 (1)", "mask-3", "1x"]


@pytest.mark.parametrize("stems", ORDERED.values(), ids=ORDERED)
def test_numbers_order_frames(stems):
    names = [f"{stem}.png" for stem in stems]
    assert order_frames(random.Random(0).sample(names, len(names))) == names


@pytest.mark.parametrize("stems", REFUSED.values(), ids=REFUSED)
def test_decimals_of_other_lengths_are_refused(stems):
    with pytest.raises(
        ValueError, match=r"as decimals and in another as two numbers each|same num"
    ):
        order_frames(f"{stem}.png" for stem in stems)


@pytest.mark.parametrize("stems", MAY_BE_FRAMES.values(), ids=MAY_BE_FRAMES)
def test_what_may_be_a_frame_is_not_left_out(stems):
    with pytest.raises(ValueError, match=r"may be a frame, too|of other kinds|several kinds"):
        order_frames(f"{stem}.png" for stem in stems)


@pytest.mark.parametrize("stem", NO_FRAMES)
def test_other_images_are_no_frames(stem):
    names = [f"img_{n:02}.png" for n in range(6)]
    assert order_frames([*names, f"{stem}.png"]) == names


@pytest.mark.parametrize("zero", ["0", "\u0660", "\uff10"])
def test_templates_take_digits_of_any_script(zero):
    template = parse_frame_name("img_{:03}.png")
    digits = "".join(chr(ord(zero) + n) for n in (0, 1, 2))
    assert int(template.extract_digits(f"img_{digits}.png")) == 12
    assert template.extract_digits("img_\u00b2.png") is None
