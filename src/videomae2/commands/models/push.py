"""Publish a model on the Hugging Face hub, with a model card."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from videomae2.base.files import DIGESTS_FILE
from videomae2.base.summary import Summary
from videomae2.commands.convert import ConvertConfig, ConvertPlan, convert, prepare_conversion
from videomae2.commands.models.card import build_model_card
from videomae2.errors import CheckpointError, ConfigError
from videomae2.models.weights.hub.errors import explain_hub_errors, import_hub
from videomae2.models.weights.hub.licence import (
    LICENCE_KEY,
    MODEL_CARD,
    get_licence,
    is_non_commercial,
)

_REPO = re.compile(r"[\w.-]+/[\w.-]+")
_FILE_FORMATS = ("official", "mmaction2", "ava")


@dataclass(frozen=True, kw_only=True, slots=True)
class PushConfig(ConvertConfig):
    """What is published, and what its model card says."""

    licence: str | None = None
    """Licence of the weights by its name on the hub, such as cc-by-4.0; what the model says if not
    given. One that allows more than that of the weights that it was made of is refused."""
    datasets: tuple[str, ...] = ()
    """Names of data sets on the hub that it was trained on, for the model card."""
    private: bool = False
    """Make a new repository that only its owner sees."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PushPlan:
    """A model that was read, and its model card."""

    conversion: ConvertPlan
    repo: str
    config: PushConfig
    card: str

    def summarize(self) -> Summary:
        """What is published, in a few lines."""
        head = self.card.split("---\n")[1].rstrip()
        return self.conversion.summarize() + Summary((("card", head), ("to", f"hf://{self.repo}")))


def prepare_push(model: Path, repo: str, config: PushConfig) -> PushPlan:
    """Read a model and write its model card, without asking the hub.

    Raises:
        ConfigError: A name is none, or the licence allows more than it may.
        CheckpointError: The model cannot be read, or the format cannot hold it.
    """
    repo = repo.removeprefix("hf://")
    if not _REPO.fullmatch(repo):
        raise ConfigError(f"{repo} names no repository of the hub: want owner/name")
    name = repo.rpartition("/")[2]
    out = Path(f"{name}.safetensors" if config.to in _FILE_FORMATS else name)
    plan = prepare_conversion(model, Path("/nonexistent") / out, config)
    licence = _choose_licence(plan, config)
    if licence is not None:
        card = plan.config
        plan = replace(plan, config=replace(card, metadata={**card.metadata, LICENCE_KEY: licence}))
    text = build_model_card(plan.config, repo=repo, licence=licence, datasets=config.datasets)
    return PushPlan(conversion=plan, repo=repo, config=config, card=text)


def push(plan: PushPlan) -> str:
    """Write the model, and upload it; gives its address on the web.

    Raises:
        CheckpointError: The hub cannot be reached, or refuses it.
        ConfigError: huggingface_hub is missing.
        OSError: It cannot be written.
    """
    hub = import_hub()
    with TemporaryDirectory(prefix="videomae2-push-") as temporary:
        folder = Path(temporary) / "model"
        is_file = plan.config.to in _FILE_FORMATS
        out = folder / plan.conversion.out.name if is_file else folder
        convert(replace(plan.conversion, out=out))
        (folder / MODEL_CARD).write_text(plan.card, encoding="utf-8")
        with explain_hub_errors(plan.repo, plan.repo, uploads=True):
            return _upload(hub.HfApi(), plan, folder)


def _upload(api: Any, plan: PushPlan, folder: Path) -> str:
    private = True if plan.config.private else None
    url = api.create_repo(plan.repo, private=private, exist_ok=True)
    try:
        api.upload_folder(
            repo_id=plan.repo,
            folder_path=folder,
            commit_message="Upload with videomae2",
            ignore_patterns=[DIGESTS_FILE],
        )
    except RuntimeError as error:
        reason = next(iter(str(error.__cause__ or error).splitlines()), "")
        raise CheckpointError(f"{plan.repo} was not uploaded ({reason}): run it again") from error
    return str(url)


def _choose_licence(plan: ConvertPlan, config: PushConfig) -> str | None:
    """What somebody says, unless it allows more than the weights that the model was made of."""
    known = get_licence(plan.config.metadata)
    if config.licence is None or known is None:
        return config.licence or known
    if is_non_commercial(known) and not is_non_commercial(config.licence):
        raise ConfigError(
            f"--licence {config.licence} allows more than {known}, that of the weights that "
            f"{plan.ref.path} was made of: leave --licence out"
        )
    return config.licence
