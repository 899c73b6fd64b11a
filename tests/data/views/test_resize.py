import numpy as np
import torch
from PIL import Image

from videomae2.data.loading.batch import CPUBatch, Sample
from videomae2.data.views.resize import crop_and_resize, make_clips

CPU = torch.device("cpu")


def frames(height=40, width=60, count=3):
    generator = torch.Generator().manual_seed(0)
    small = torch.randint(0, 256, (count, 3, 6, 8), generator=generator, dtype=torch.uint8)
    big = torch.nn.functional.interpolate(small.float(), (height, width), mode="bilinear")
    return big.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def test_a_cut_equals_pillows_bilinear_resize():
    x = frames()
    got = crop_and_resize(x, (3, 5, 30, 40), (24, 24), flip=False)
    for frame, ours in zip(x.numpy(), got.numpy(), strict=True):
        part = Image.fromarray(frame[3:33, 5:45])
        want = np.asarray(part.resize((24, 24), Image.Resampling.BILINEAR))
        assert np.abs(ours.astype(int) - want.astype(int)).max() <= 1


def test_a_cut_of_the_wanted_size_is_exact_and_a_flip_mirrors():
    x = frames()
    assert torch.equal(crop_and_resize(x, (1, 2, 8, 9), (8, 9), flip=False), x[:, 1:9, 2:11])
    assert torch.equal(crop_and_resize(x, (1, 2, 8, 9), (8, 9), flip=True), x[:, 1:9, 2:11].flip(2))


def sample(place, boxes):
    return Sample(frames(), torch.tensor(place), boxes, [False] * len(boxes))


def test_views_stand_together_and_frames_repeat_as_asked():
    boxes = [(0, 0, 16, 16), (8, 8, 16, 16)]
    batch = CPUBatch([sample([0, 1, 2, 2], boxes)], keys=[4, 5], paths=["a"], sample_ids=[(0, 0)])
    clips = make_clips(batch, (16, 16), 4, 3, CPU)
    assert clips.pixels.shape == (2, 4, 16, 16, 3)
    assert torch.equal(clips.pixels[0, 3], clips.pixels[0, 2])
    assert torch.equal(clips.pixels[1, 0], frames()[0, 8:24, 8:24])
    assert clips.keys.tolist() == [4, 5]
    assert clips.weights.tolist() == [1, 1]


def test_a_hole_is_black_and_weighs_nothing():
    batch = CPUBatch(
        [None, sample([0, 1, 2], [(0, 0, 8, 8)])],
        keys=[1, 2],
        paths=["a", "b"],
        sample_ids=[(0, 0), (0, 1)],
    )
    clips = make_clips(batch, (8, 8), 3, 3, CPU)
    assert clips.weights.tolist() == [0, 1]
    assert clips.pixels[0].max() == 0
    assert batch.num_unreadable == 1
