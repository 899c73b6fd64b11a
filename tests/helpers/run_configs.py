"""A run that passes every check, for tests to change."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.tasks.distill import TeacherConfig
from videomae2.training.optim import OptimConfig


def good_run(folder: Path, sources: int = 1) -> PretrainRun:
    paths = [folder / f"videos{number}" for number in range(sources)]
    for path in paths:
        path.mkdir(exist_ok=True)
    return PretrainRun(
        data=DataConfig(sources=tuple(SourceConfig(path=path) for path in paths)),
        optim=OptimConfig(
            lr=1e-3, epochs=10.0, warmup_epochs=1.0, global_batch_size=32, micro_batch_size=8
        ),
        output_dir=folder / "run",
    )


def good_finetune(folder: Path) -> FinetuneRun:
    run = good_run(folder)
    return FinetuneRun(data=run.data, optim=run.optim, output_dir=run.output_dir)


def good_distill(folder: Path) -> DistillRun:
    run = good_run(folder)
    (folder / "teacher").mkdir(exist_ok=True)
    return DistillRun(
        data=run.data,
        optim=run.optim,
        output_dir=run.output_dir,
        teacher=TeacherConfig(weights=folder / "teacher"),
    )


def changed(run: Any, path: str, value: Any) -> Any:
    """The run with one setting replaced, named by its dotted path."""
    name, _, rest = path.partition(".")
    if isinstance(run, tuple):
        number = int(name)
        return (*run[:number], changed(run[number], rest, value), *run[number + 1 :])
    inner = changed(getattr(run, name), rest, value) if rest else value
    return replace(run, **{name: inner})
