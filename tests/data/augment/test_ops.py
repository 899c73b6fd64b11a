"""Each operation of RandAugment against Pillow, at the amounts that the released code uses."""

import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from tests.helpers.pillow_ops import clips, each_frame
from videomae2.data.augment import geometric_ops, pixel_ops
from videomae2.data.augment.ops import FILL, OPERATIONS

BICUBIC = {"resample": Image.Resampling.BICUBIC, "fillcolor": (FILL,) * 3}
MAGNITUDES = (0.0, 0.6, 2.3, 5.0, 6.51, 7.0, 7.77, 9.99)


def affine(image, *numbers):
    return image.transform(image.size, Image.Transform.AFFINE, numbers, **BICUBIC)


def solarize_add(image, add):
    return image.point([min(255, i + add) if i < 128 else i for i in range(256)] * 3)


# What the released code does with an image at a magnitude m and a sign s.
PILLOW = {
    "auto-contrast": lambda im, m, s: ImageOps.autocontrast(im),
    "equalize": lambda im, m, s: ImageOps.equalize(im),
    "invert": lambda im, m, s: ImageOps.invert(im),
    "rotate": lambda im, m, s: im.rotate(s * (m / 10 * 30), **BICUBIC),
    "posterize": lambda im, m, s: ImageOps.posterize(im, 4 - int(m / 10 * 4)),
    "solarize": lambda im, m, s: ImageOps.solarize(im, 256 - int(m / 10 * 256)),
    "solarize-add": lambda im, m, s: solarize_add(im, int(m / 10 * 110)),
    "color": lambda im, m, s: ImageEnhance.Color(im).enhance(1 + s * (m / 10 * 0.9)),
    "contrast": lambda im, m, s: ImageEnhance.Contrast(im).enhance(1 + s * (m / 10 * 0.9)),
    "brightness": lambda im, m, s: ImageEnhance.Brightness(im).enhance(1 + s * (m / 10 * 0.9)),
    "sharpness": lambda im, m, s: ImageEnhance.Sharpness(im).enhance(1 + s * (m / 10 * 0.9)),
    "shear-x": lambda im, m, s: affine(im, 1, s * m / 10 * 0.3, 0, 0, 1, 0),
    "shear-y": lambda im, m, s: affine(im, 1, 0, 0, s * m / 10 * 0.3, 1, 0),
    "translate-x": lambda im, m, s: affine(im, 1, 0, s * m / 10 * 0.45 * im.size[0], 0, 1, 0),
    "translate-y": lambda im, m, s: affine(im, 1, 0, 0, 0, 1, s * m / 10 * 0.45 * im.size[1]),
}
BY_NAME = {operation.name: operation for operation in OPERATIONS}


def column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def carry_out(operation, x, magnitude, sign):
    """One operation on all clips."""
    amount = operation.amount(magnitude, sign)
    if operation.kind == "pixels":
        return operation.transform(x, amount)
    if operation.kind == "table":
        return pixel_ops.apply_table(x, operation.transform(x, amount))
    matrix = operation.transform(amount, x.shape[2], x.shape[3])
    return geometric_ops.warp_affine(x, matrix, fill=FILL)


def pairs():
    found = [(m, s) for m in MAGNITUDES for s in (-1.0, 1.0)]
    return column(*(m for m, _ in found)), column(*(s for _, s in found))


def test_there_are_the_fifteen_of_the_released_code():
    assert set(BY_NAME) == set(PILLOW)
    assert len(OPERATIONS) == 15


@pytest.mark.parametrize("name", [n for n, o in BY_NAME.items() if o.kind != "matrix"])
def test_tones_colours_and_sharpness_are_pillows_to_the_bit(name):
    magnitude, sign = pairs()
    x = clips(len(sign))
    got = carry_out(BY_NAME[name], x, magnitude, sign)
    want = each_frame(x, lambda im, n: PILLOW[name](im, float(magnitude[n]), float(sign[n])))
    assert torch.equal(got, want)


@pytest.mark.parametrize("name", [n for n, o in BY_NAME.items() if o.kind == "matrix"])
@pytest.mark.parametrize("size", [(44, 60), (37, 37)])
def test_moves_are_pillows_but_for_one_value_in_three_hundred_by_one(name, size):
    magnitude, sign = pairs()
    x = clips(len(sign), 2, *size)
    got = carry_out(BY_NAME[name], x, magnitude, sign)
    want = each_frame(x, lambda im, n: PILLOW[name](im, float(magnitude[n]), float(sign[n])))
    error = (got.int() - want.int()).abs()
    assert error.max() <= 1
    assert (error > 0).double().mean() < 1 / 300


def test_a_picture_of_one_value_stays_so_but_for_what_comes_from_outside():
    x = torch.full((1, 1, 30, 30, 3), 77, dtype=torch.uint8)
    got = carry_out(BY_NAME["rotate"], x, column(7.0), column(1.0))
    assert set(got.unique().tolist()) == {77, FILL}
    x[:] = FILL
    assert (carry_out(BY_NAME["rotate"], x, column(7.0), column(1.0)) == FILL).all()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_frames_of_a_clip_are_changed_alike(operation):
    x = (clips(1, 1) // 2 + 30).expand(1, 3, -1, -1, -1)
    got = carry_out(operation, x, column(7.0), column(1.0))
    assert torch.equal(got[:, 0], got[:, 2])
    assert got.shape == x.shape
    assert got.dtype == torch.uint8
    assert not torch.equal(got, x)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 3), (1, 2, 2, 5, 1), (1, 1, 3, 3, 4)])
def test_small_frames_and_other_channels_work(operation, shape):
    x = torch.arange(int(torch.tensor(shape).prod()), dtype=torch.uint8).view(shape)
    assert carry_out(operation, x, column(7.0), column(-1.0)).shape == shape


@pytest.mark.parametrize(
    "name", ["rotate", "posterize", "solarize", "solarize-add", "color", "sharpness", "shear-x"]
)
def test_a_larger_magnitude_changes_a_clip_more(name):
    x = clips(3)[:1].expand(3, -1, -1, -1, -1)
    got = carry_out(BY_NAME[name], x, column(1.0, 4.0, 8.0), column(1.0, 1.0, 1.0))
    change = (got.int() - x.int()).abs().double().mean(dim=(1, 2, 3, 4))
    assert change[0] < change[1] < change[2]


def test_posterize_never_takes_the_last_bit():
    amount = BY_NAME["posterize"].amount(column(10.0), column(1.0))
    assert amount.tolist() == [1]


def test_a_flat_frame_has_nothing_to_stretch_or_equalize():
    x = torch.full((1, 2, 8, 8, 3), 9, dtype=torch.uint8)
    for name in ("auto-contrast", "equalize"):
        assert torch.equal(carry_out(BY_NAME[name], x, column(7.0), column(1.0)), x)


def test_equalize_of_few_and_of_many_pixels_is_pillows():
    for height, width in ((16, 16), (17, 15), (90, 120)):
        x = clips(1, 1, height, width, seed=3)
        got = carry_out(BY_NAME["equalize"], x, column(7.0), column(1.0))
        assert torch.equal(got, each_frame(x, lambda im, n: ImageOps.equalize(im)))
