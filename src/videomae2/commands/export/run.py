"""The plan of an export carried out: written beside, verified, then put in place."""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from videomae2.base.files import atomic_replace_dir
from videomae2.base.names import dump_json
from videomae2.base.summary import Summary
from videomae2.commands.convert import ConvertPlan
from videomae2.commands.export.config import ExportConfig, GraphName, check_config
from videomae2.commands.export.graphs import measure_difference, write_graph
from videomae2.commands.export.layouts import prepare_layout, write_layout
from videomae2.commands.export.plan import GraphPlan, prepare_graph
from videomae2.commands.export.quantize import Int8Report, measure_int8, write_int8
from videomae2.commands.export.runner import RUNNER_FILE, SETTINGS_FILE, build_runner

_logger = logging.getLogger(__name__)

ExportPlan = GraphPlan | ConvertPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportResult:
    """What was written."""

    out: Path
    max_difference: float
    """Of outputs, between what was written and the model."""
    int8: Int8Report | None = None

    def summarize(self) -> Summary:
        """What was written, in a few lines."""
        rows = [
            ("written", str(self.out)),
            ("verified", f"largest difference of outputs {self.max_difference:.2g}"),
        ]
        if self.int8 is not None:
            rows.append(("int8", _format_int8(self.int8)))
        return Summary(tuple(rows))

    def to_dict(self) -> dict[str, object]:
        """All of it, for ``--json``."""
        return {**asdict(self), "out": str(self.out)}


def prepare_export(model: Path, out: Path, config: ExportConfig) -> ExportPlan:
    """Read a model and say what it becomes; nothing is written.

    Raises:
        ConfigError: A choice has no effect, or a package is missing.
        CheckpointError: The model cannot be read, or the format cannot hold it.
    """
    check_config(config)
    if config.to in ("onnx", "torch"):
        return prepare_graph(model, out, config)
    return prepare_layout(model, out, config)


def export(plan: ExportPlan) -> ExportResult:
    """Write what was planned, read it again and compare what it computes.

    Raises:
        CheckpointError: Its outputs are others; then nothing is left.
        OSError: It cannot be written.
    """
    if isinstance(plan, ConvertPlan):
        return ExportResult(out=plan.out, max_difference=write_layout(plan))
    results: list[ExportResult] = []
    plan.out.parent.mkdir(parents=True, exist_ok=True)
    atomic_replace_dir(plan.out, lambda folder: results.append(_write_folder(plan, folder)))
    return results[0]


def _write_folder(plan: GraphPlan, folder: Path) -> ExportResult:
    kind = cast(GraphName, plan.config.to)
    _logger.info("tracing  %s", plan.model)
    path = write_graph(plan.module, plan.clip_shape, kind, folder)
    _logger.info("reading  what was written")
    difference = measure_difference(plan.module, plan.clip_shape, path)
    settings = {**plan.settings, "model": str(plan.model), "licence": plan.licence}
    _write_text(folder / SETTINGS_FILE, dump_json(settings, indent=1) + "\n")
    report = None
    if kind == "onnx":
        _write_text(folder / RUNNER_FILE, build_runner())
    if plan.config.int8:
        _logger.info("int8     weights, and what they are worth")
        paths = path, write_int8(path)
        report = measure_int8(paths, plan.clip_shape, plan.predictor, plan.labelled)
    return ExportResult(out=plan.out, max_difference=difference, int8=report)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")


def _format_int8(report: Int8Report) -> str:
    (before, after), (slow, fast) = report.bytes, report.seconds
    lines = [
        f"{before / 1e6:.1f} MB → {after / 1e6:.1f} MB",
        f"{slow * 1e3:.1f} ms → {fast * 1e3:.1f} ms a clip on this CPU ({slow / fast:.2f} times)",
    ]
    if report.accuracy is None:
        lines.append("accuracy not measured; --videos LIST measures it")
    else:
        first, second = report.accuracy
        lines.append(
            f"top-1 {first:.1%} → {second:.1%} of {report.num_videos} videos, "
            f"{report.changed:.1%} of the best classes changed"
        )
    return "\n".join(lines)
