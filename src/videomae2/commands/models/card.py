"""The model card of what is published: a head for the hub, and what is known for people."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.hub.cache import find_snapshot
from videomae2.models.weights.hub.licence import PARENTS_KEY, is_non_commercial
from videomae2.models.weights.hub.released import RELEASED, find_released_file

_MAX_CLASSES = 20


def build_model_card(
    config: ModelConfig, *, repo: str, licence: str | None, datasets: Sequence[str] = ()
) -> str:
    """README.md: what the card of a model says, by the words of the hub.

    Args:
        config: The card.
        repo: owner/name, where it will be.
        licence: Under which it is; None if nobody states one.
        datasets: Names of data sets of the hub that it was trained on.
    """
    import yaml

    head = _build_head(config, licence, datasets)
    text = "\n".join(_write_text(config, repo, licence))
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n\n{text}\n"


def find_base_models(metadata: Mapping[str, Any]) -> list[str]:
    """The models of the hub that a model was made of, as far as its card tells."""
    parents = metadata.get(PARENTS_KEY)
    entries = parents.values() if isinstance(parents, Mapping) else ()
    paths = [
        str(entry["path"]) for entry in entries if isinstance(entry, Mapping) and "path" in entry
    ]
    converted = metadata.get("converted_from")
    if isinstance(converted, Mapping):
        paths.append(str(converted.get("path", "")))
    return list(dict.fromkeys(filter(None, map(_find_repo, map(Path, paths)))))


def _find_repo(path: Path) -> str | None:
    snapshot = find_snapshot(path)
    if snapshot is not None:
        return snapshot.repo
    row = RELEASED.get(str(path)) or find_released_file(path.name)
    return row.repo if row is not None else None


def _build_head(
    config: ModelConfig, licence: str | None, datasets: Sequence[str]
) -> dict[str, object]:
    classifies = isinstance(config, SavedClassifierConfig) and bool(config.model.num_classes)
    task = "video-classification" if classifies else "feature-extraction"
    head: dict[str, object] = {"license": licence} if licence else {}
    head |= {"library_name": "videomae2", "pipeline_tag": task, "tags": ["video", "videomae"]}
    if base_models := find_base_models(config.metadata):
        head["base_model"] = base_models
    if datasets:
        head["datasets"] = list(datasets)
    if metrics := _find_metrics(config.metadata):
        head["metrics"] = list(metrics)
    return head


def _find_metrics(metadata: Mapping[str, Any]) -> dict[str, float]:
    found = metadata.get("validation")
    values = found if isinstance(found, Mapping) else {}
    return {str(k): v for k, v in values.items() if isinstance(v, float) and k != "loss"}


def _write_text(config: ModelConfig, repo: str, licence: str | None) -> Iterator[str]:
    encoder = config.model.encoder
    yield f"# {repo.rpartition('/')[2]}"
    yield ""
    kind = "Pre-trained by masking" if config.kind == "autoencoder" else "A classifier"
    yield f"{kind}: video transformer of size {encoder.size}, clips of {encoder.clip_dimensions}."
    if isinstance(config, SavedClassifierConfig) and config.class_names:
        names, more = config.class_names[:_MAX_CLASSES], len(config.class_names) - _MAX_CLASSES
        rest = f" and {more} more" if more > 0 else ""
        yield f"Its {len(config.class_names)} outputs: {', '.join(names)}{rest}."
    yield ""
    yield "```\npip install 'videomae2[hub]'"
    command = "predict" if config.kind == "classifier" else "extract"
    out = "" if command == "predict" else " --out features/"
    yield f"videomae2 {command} hf://{repo} my_videos/{out}\n```"
    if metrics := _find_metrics(config.metadata):
        yield "\nOn the videos that were held out in training:\n\n| metric | value |\n|---|---|"
        yield from (f"| {name} | {value:.4g} |" for name, value in metrics.items())
    if base_models := find_base_models(config.metadata):
        yield f"\nMade of {', '.join(base_models)}."
    if licence and is_non_commercial(licence):
        yield f"\nLicence: {licence}. Not for commercial use, and so is all that is made of it."
