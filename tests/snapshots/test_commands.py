"""Every command says what it said: help, recipes, plans, results as text and as JSON, mistakes."""

import pytest

from tests.helpers.brightness_classifier import read_here
from videomae2.cli.main import COMMANDS

TRAINERS = ("pretrain", "finetune", "distill")
PRETRAIN = "pretrain own-cpu videos --config pretrain.yaml"
FINETUNE = "finetune own-cpu videos --config finetune.yaml --init.weights runs/pretrained"
DISTILL = "distill own-cpu videos --config distill.yaml --teacher.weights runs/tuned"
CPU = "--device cpu --precision fp32"
EVALUATE = f"evaluate runs/rigged test {CPU} --reading.num-workers 0 --n-resamples 100"
EXTRACT = f"extract runs/pretrained videos --frame-interval 1 --stride 4 {CPU} --num-workers 0"
PROBE = f"probe runs/pretrained videos test {CPU} --num-workers 0"
PROBE += " --ks 1 --l2 1 --lrs 0.003 --epochs 1"
RECONSTRUCT = "reconstruct runs/pretrained long.mp4 --device cpu --frames-shown 2"
PREDICT = f"predict {CPU} runs/rigged long.mp4 test/dark"
TIMELINE = f"predict runs/rigged long.mp4 {CPU} --timeline --window-seconds 1"
ODD_BATCH = "--optim.global-batch-size 30 --optim.micro-batch-size 16"
K710 = "--parts k400/ k600/ k700/"
BENCH = "bench pretrain --size tiny --side 32 --batch-size 4 --precision fp32 --device cpu"

HELP = {
    f"help/{name}": [f"{name} own-cpu --help" if name in TRAINERS else f"{name} --help"]
    for name in COMMANDS
}
PLANS = {
    "plans/demo": ["demo --dry-run", "demo --dry-run --json"],
    "plans/pretrain": [
        "pretrain own-cpu videos --dry-run --runtime.device cpu --runtime.precision fp32",
        f"{PRETRAIN} --dry-run --json",
        f"{PRETRAIN} --out runs/pretrained --dry-run --resume",
    ],
    "plans/finetune": [f"{FINETUNE} --dry-run", f"{FINETUNE} --dry-run --json"],
    "plans/distill": [f"{DISTILL} --dry-run", f"{DISTILL} --dry-run --json"],
    "plans/evaluate": [f"{EVALUATE} --dry-run", f"{EVALUATE} --dry-run --json"],
    "plans/probe": [f"{PROBE} --cache-dir b --dry-run", f"{PROBE} --cache-dir b --dry-run --json"],
    "plans/extract": [f"{EXTRACT} --out k --dry-run --json"],
    "plans/merge-datasets": [
        f"merge-datasets kinetics-710 new {K710} --dry-run",
        f"merge-datasets any new {K710} --no-files --dry-run --json",
    ],
    "plans/run": [
        "run pipeline.yaml --out new --dry-run",
        "run pipeline.yaml --out new --dry-run --until tuned --json",
        "run --example",
    ],
    "plans/reconstruct": [f"{RECONSTRUCT} --dry-run", f"{RECONSTRUCT} --dry-run --json"],
    "plans/predict": [
        f"{PREDICT} gone.mp4 --dry-run",
        f"{PREDICT} --dry-run --json",
        f"{TIMELINE} --out lines --save-video --dry-run",
    ],
    "plans/bench": [f"{BENCH} --dry-run", f"{BENCH} --dry-run --json"],
}
RESULTS = {
    "results/pretrain": [f"{PRETRAIN} --out a", f"{PRETRAIN} --out a --json"],
    "results/finetune": [f"{FINETUNE} --out b", f"{FINETUNE} --out b --json"],
    "results/distill": [f"{DISTILL} --out c", f"{DISTILL} --out c --json"],
    "results/evaluate": [f"{EVALUATE} --out d", f"{EVALUATE} --out d --json"],
    "results/probe": [f"{PROBE} --cache-dir a", f"{PROBE} --cache-dir a --methods knn --json"],
    "results/extract": [f"{EXTRACT} --out j", f"{EXTRACT} --out j --format safetensors"],
    "results/merge-datasets": [
        f"merge-datasets kinetics-710 e {K710}",
        f"merge-datasets any f {K710}",
        f"merge-datasets any f {K710} --json",
    ],
    "results/run": [
        "run pipeline.yaml --out g --until tuned",
        "run pipeline.yaml --out g --json",
    ],
    "results/reconstruct": [f"{RECONSTRUCT} --out h", f"{RECONSTRUCT} --out h --json"],
    "results/predict": [PREDICT, f"{PREDICT} broken.mp4 --json"],
    "results/timeline": [f"{TIMELINE} --out i", f"{TIMELINE} --json"],
}
CALLS = {
    "help/all": ["--help", "--version"],
    **HELP,
    "recipes": list(TRAINERS),
    **PLANS,
    **RESULTS,
    "mistakes": [
        "pretrian",
        "pretrain onw videos",
        "pretrain own",
        "pretrain own videos --optim.epoch 5 --dry-run",
        f"{PRETRAIN} {ODD_BATCH} --model.encoder.width 100",
        f"{PRETRAIN} --out nowhere --resume",
        "finetune own-cpu long.mp4",
        "evaluate runs/pretrained test",
        "evaluate nowhere test",
        f"{PROBE} --methods svm",
        "predict runs/rigged broken.mp4 --top-k 0 --window-seconds 1",
        "merge-datasets any new",
        "run nowhere.yaml",
    ],
}


@pytest.mark.parametrize("name", CALLS)
def test_a_command_says_what_it_said(name, place, changes, monkeypatch):
    read_here(monkeypatch)
    assert changes(name, "\n".join(map(place.call, CALLS[name]))) == ""
