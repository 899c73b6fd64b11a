"""Compare this package with numbers of the released code: one JSON line per check.

    python tests/golden/check.py FILE...

A FILE is a .safetensors with weights, clips and results, or a .json with index lists, masks and
schedules, in the format of the README beside the fixtures. Sizes are read from the files, so any
file of the format works. Exit code 1 if a check fails.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from safetensors import safe_open
from torch import Tensor

from videomae2.data.sampling import pretrain_indices
from videomae2.engine.schedules import CosineSchedule
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.released import from_released, to_released
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask, pixel_loss
from videomae2.tensors.clips import Clips
from videomae2.tensors.masks import running_cell_maps
from videomae2.tensors.tokens import Split, visible_index

Check = dict[str, Any]

OUTPUT_BOUND, LOSS_BOUND, GRADIENT_BOUND = 2e-5, 1e-6, 1e-4


def check_file(path: Path) -> Iterator[Check]:
    """Run every check that a file holds."""
    found = _check_json(path) if path.suffix == ".json" else _check_tensors(path)
    yield from ({"file": path.name, **check} for check in found)


def _check_tensors(path: Path) -> Iterator[Check]:
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"])
        values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if config["kind"] == "pretrain":
        yield from _check_pretraining(config, values)
    else:
        yield _skipped(config["kind"], "supervised training is not built yet")


def _check_pretraining(config: dict[str, Any], values: dict[str, Tensor]) -> Iterator[Check]:
    task = PretrainTask(_model(config, values["clip_uint8"]), MaskingConfig(decoder="none"))
    model = task.model.eval()
    released = {n[6:]: v for n, v in values.items() if n.startswith("state.")}
    model.load_state_dict(from_released(released, model.cubes))
    back = to_released(model.state_dict(), model.cubes)
    yield _absolute("weights there and back", back, released, 0.0)

    hidden = values["encoder_hidden"]
    clips = Clips(
        pixels=rearrange(values["clip_uint8"], "b c t h w -> b t h w c").contiguous(),
        keys=torch.zeros(len(hidden), dtype=torch.int64),
        weights=torch.ones(len(hidden)),
    )
    split = _whole_split(hidden, values["decoder_dropped"])
    output, target = task.predict(clips, split)
    loss = pixel_loss(output, target, split.weight, clips.weights)
    yield _absolute("output", {"": output}, {"": values["output"]}, OUTPUT_BOUND)
    yield _absolute("target", {"": target}, {"": values["target"]}, OUTPUT_BOUND)
    yield _relative("loss", loss, values["loss"], LOSS_BOUND)
    yield from _check_gradients(model, loss, values)
    yield from _check_fast_paths(task, clips, values, loss)


def _check_gradients(model: Autoencoder, loss: Tensor, values: dict[str, Tensor]) -> Iterator[Check]:
    model.zero_grad()
    loss.backward()
    ours = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    gradients = to_released(ours, model.cubes)
    for name, want in values.items():
        if name.startswith("grad_norm."):
            yield _relative(name, gradients[name[10:]].norm(), want, GRADIENT_BOUND)
        elif name.startswith("grad."):
            off = (gradients[name[5:]] - want).norm() / want.norm()
            yield _result(name, off.item(), GRADIENT_BOUND)


def _check_fast_paths(
    task: PretrainTask, clips: Clips, values: dict[str, Tensor], loss: Tensor
) -> Iterator[Check]:
    """The splits that training uses must give the loss of the whole one."""
    hidden, dropped = values["encoder_hidden"], values["decoder_dropped"]
    scored = (hidden & ~dropped).sum(dim=1)
    if (scored != scored[0]).any():
        return
    order = (torch.where(dropped, 2, hidden.long())).argsort(dim=1, stable=True)
    kept = int((~dropped[0]).sum())
    split = Split(_visible(hidden), order[:, :kept], int(scored[0]))
    predicted, target = task.predict(clips, split)
    trimmed = pixel_loss(predicted, target, None, clips.weights)
    yield _relative("loss with a trimmed last block", trimmed, loss.detach(), LOSS_BOUND)


def _whole_split(hidden: Tensor, dropped: Tensor) -> Split:
    """Every decoded place answered, in clip order, as the released code does."""
    kept = int((~dropped[0]).sum())
    queries = visible_index(dropped, kept)
    weight = hidden.gather(1, queries).float()
    return Split(visible=_visible(hidden), queries=queries, scored=kept, weight=weight)


def _visible(hidden: Tensor) -> Tensor:
    return visible_index(hidden, int((~hidden[0]).sum()))


def _model(config: dict[str, Any], clip: Tensor) -> Autoencoder:
    encoder = EncoderConfig(
        frames=config["frames"],
        height=clip.shape[3],
        width=clip.shape[4],
        channels=clip.shape[1],
        patch=config["patch"],
        tubelet=config["tubelet"],
        dim=config["dim"],
        depth=config["depth"],
        heads=config["heads"],
        mlp_ratio=float(config["mlp_ratio"]),
    )
    decoder = DecoderConfig(
        depth=config["decoder_depth"], dim=config["decoder_dim"], heads=config["decoder_heads"]
    )
    return Autoencoder(AutoencoderConfig(encoder=encoder, decoder=decoder))


def _check_json(path: Path) -> Iterator[Check]:
    golden = json.loads(path.read_text())
    for family, cases in golden.items():
        if family == "frame_indices":
            for name, table in cases.items():
                yield from _check_indices(f"{family}.{name}", name, table)
        elif family.startswith("running_cell_dropped_maps"):
            yield from _check_maps(family, cases)
        elif family == "learning_rate_schedule":
            for name, want in cases.items():
                yield _check_schedule(f"{family}: {name}", name, want)
        else:
            yield _skipped(family, "supervised training is not built yet")


def _check_indices(title: str, name: str, table: dict[str, Any]) -> Iterator[Check]:
    if not name.startswith("pretrain_exact_stride"):
        yield _skipped(title, "supervised training is not built yet")
        return
    stride = int(_number(r"stride[_ ](\d+)", name, 4))
    for case, want in table.items():
        num_frames, first = (int(part) for part in case.split("/"))
        got = pretrain_indices(num_frames, len(want), stride, first=first)
        yield _result(f"{title}: {case}", float(np.abs(got - np.array(want)).max()), 0.0)


def _check_maps(family: str, cases: dict[str, Any]) -> Iterator[Check]:
    found = re.search(r"grid_(\d+)x(\d+)x(\d+)", family)
    if found is None:
        raise ValueError(f"no grid in the key {family}")
    time, row, col = (int(n) for n in found.groups())
    for ratio, want in cases.items():
        maps = running_cell_maps((time, row, col), float(ratio))
        off = (maps.long() - torch.tensor(want).flatten(1)).abs().max().item()
        yield _result(f"{family}: {ratio}", float(off), 0.0)


def _check_schedule(title: str, name: str, want: list[float]) -> Check:
    per_epoch = int(_number(r"(\d+) steps", name))
    schedule = CosineSchedule(
        peak=_number(r"base ([\d.e-]+)", name),
        last=_number(r"final ([\d.e-]+)", name),
        steps=int(_number(r"(\d+) epochs", name)) * per_epoch,
        warmup_steps=int(_number(r"(\d+) warm-up", name)) * per_epoch,
    )
    got = [schedule(step) for step in range(schedule.steps)]
    if len(got) != len(want):
        return _result(f"{title}: length", abs(len(got) - len(want)), 0.0)
    error = max(abs(a - b) for a, b in zip(got, want, strict=True))
    return _result(title, error / schedule.peak, 1e-12)


def _number(pattern: str, text: str, default: float | None = None) -> float:
    found = re.search(pattern, text)
    if found:
        return float(found[1])
    if default is None:
        raise ValueError(f"no {pattern} in the key '{text}'")
    return default


def _absolute(name: str, got: dict[str, Tensor], want: dict[str, Tensor], bound: float) -> Check:
    if got.keys() != want.keys():
        return {**_result(name, float("inf"), bound), "differs": sorted(got.keys() ^ want.keys())}
    return _result(name, max(_furthest(got[n], want[n]) for n in want), bound)


def _furthest(got: Tensor, want: Tensor) -> float:
    return (got - want).abs().max().item() if got.shape == want.shape else float("inf")


def _relative(name: str, got: Tensor, want: Tensor, bound: float) -> Check:
    scale = max(want.abs().max().item(), 1e-12)
    return _result(name, (got.detach() - want).abs().max().item() / scale, bound)


def _result(name: str, error: float, bound: float) -> Check:
    return {"name": name, "error": error, "bound": bound, "pass": bool(error <= bound)}


def _skipped(name: str, reason: str) -> Check:
    return {"name": name, "error": None, "bound": None, "pass": None, "skipped": reason}


def main(arguments: list[str], write: Callable[[str], object] = print) -> int:
    """Check every file; give the exit code."""
    if not arguments:
        write(__doc__ or "")
        return 2
    passed = True
    for argument in arguments:
        for check in check_file(Path(argument)):
            write(json.dumps(check))
            passed = passed and check["pass"] is not False
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
