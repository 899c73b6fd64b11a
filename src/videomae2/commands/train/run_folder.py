"""The folder of a run: what it was started with, and whether a run can go on in it.

``provenance.json`` holds what is compared: the settings, what the lists of videos said and which
files they named, and a teacher's weights. ``run.yaml`` holds the settings for people, and is
compared where ``provenance.json`` was deleted. Without a checkpoint nothing goes on: another run
begins there and replaces the log, but no model.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from videomae2.base.provenance import (
    PROVENANCE_FILE,
    diff_values,
    find_foreign_file,
    list_differences,
    read_provenance,
    write_provenance,
)
from videomae2.commands.train.datasets import VAL_FOLDER
from videomae2.commands.train.video_lists import VideoList, find_changed_lists
from videomae2.config.diff import RESUME_SAFE_FIELDS, diff_configs
from videomae2.config.files import load_config, parse_config, save_config
from videomae2.config.runs import Run
from videomae2.data.loading.quarantine import FILE_NAME as UNREADABLE_FILE
from videomae2.errors import CheckpointError, ConfigError
from videomae2.models.weights.model_ref import BEST_FOLDER, PREVIOUS_BEST_FOLDER
from videomae2.training.checkpoint import CheckpointManager
from videomae2.training.logger import METRICS_FILE, TENSORBOARD_FOLDER

RUN_FILE = "run.yaml"
_LOG_FILES = (
    *(METRICS_FILE, UNREADABLE_FILE, TENSORBOARD_FOLDER, VAL_FOLDER),
    *(RUN_FILE, PROVENANCE_FILE),  # last: while they are there, a kill in between changes nothing
)


def build_checkpoint_manager(run: Run) -> CheckpointManager:
    """The checkpoints of a run."""
    folder, config = run.output_dir / "checkpoints", run.checkpoint
    return CheckpointManager(
        folder, keep_latest_k=config.keep_latest_k, keep_interval=config.keep_interval
    )


def write_run_files(run: Run, provenance: Mapping[str, Any]) -> None:
    """Write what the run is made of, for people and for a resume."""
    write_provenance(run.output_dir, provenance)  # first: from then on the folder is ours
    save_config(run, run.output_dir / RUN_FILE)


def check_own_folder(run: Run) -> None:
    """Refuse a folder in which something of others would be written over, such as their run.yaml.

    A folder of a run has its ``provenance.json``, or a checkpoint where that was deleted.

    Raises:
        ConfigError: With the first such file.
    """
    if build_checkpoint_manager(run).find_latest() is not None:
        return
    names = (RUN_FILE, *_LOG_FILES, BEST_FOLDER, PREVIOUS_BEST_FOLDER)
    if foreign := find_foreign_file(run.output_dir, names, key="settings"):
        raise ConfigError(
            f"{foreign} would be written over, and nothing says that a run wrote it: "
            f"{run.output_dir} has no {PROVENANCE_FILE} of a run and no checkpoint; choose another "
            f"--out, or move it away"
        )


def check_resumable(run: Run) -> None:
    """Refuse a run without a checkpoint, with a ``CheckpointError``."""
    folder = run.output_dir
    if build_checkpoint_manager(run).find_latest() is None:
        state = "has no checkpoint" if folder.exists() else "does not exist"
        raise CheckpointError(
            f"there is nothing to resume: {folder} {state}; correct --out, or leave --resume out"
        )


def check_resume_compatible(
    run: Run,
    provenance: Mapping[str, Any],
    ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS,
) -> None:
    """Refuse to go on in a folder whose run was another one.

    ``ignored_fields`` change no result, or the caller has compared them.

    Raises:
        ConfigError: With every difference that matters, old and new.
    """
    folder, path = run.output_dir, run.output_dir / PROVENANCE_FILE
    remaining = f"; then only settings are compared, with {RUN_FILE}"
    try:
        old = read_provenance(folder)
        if old is not None:
            problems = list(_find_changes(run, old, provenance, ignored_fields))
        else:
            path, remaining = folder / RUN_FILE, " without comparing"
            old_run = load_config(type(run), path) if path.exists() else run
            problems = diff_configs(old_run, run, ignored_fields)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        is_told = isinstance(error, ConfigError)
        reason = f"{path} cannot be read: {error}" if is_told else _describe_damage(path, error)
        raise ConfigError(
            f"{reason}; {path.name} says what the run was started with, delete it to go on"
            f"{remaining}"
        ) from error
    if problems:
        raise ConfigError(
            f"{folder} holds a run that differs, so it cannot go on as this one:"
            + list_differences(problems)
            + "\nuse the old values, or another --out"
        )


def _describe_damage(path: Path, error: Exception) -> str:
    is_ours = type(error) is ValueError and error.args
    return f"{path} cannot be read: it {error if is_ours else 'is not what a run writes'}"


def _find_changes(
    run: Run, old: Mapping[str, Any], new: Mapping[str, Any], ignored_fields: frozenset[str]
) -> Iterator[str]:
    path = run.output_dir / PROVENANCE_FILE
    # read as a configuration, so that a setting that is new has its default there
    old_run = parse_config(type(run), old["settings"], path)
    yield from diff_configs(old_run, run, ignored_fields)
    old_lists, lists = (
        [VideoList.from_dict(entry) for entry in values["videos"]] for values in (old, new)
    )
    for name, change, is_of_files in find_changed_lists(old_lists, lists):
        remedy = (
            f"; if they are meant to be in the place of the old ones, delete {path} to go on with "
            f"them"
        )
        yield f"videos of {name}: {change}{remedy if is_of_files else ''}"
    compared: dict[str, Any] = {"settings": None, "videos": None}
    yield from diff_values({**old, **compared}, {**new, **compared})


def check_start(
    run: Run,
    provenance: Mapping[str, Any],
    ignored_fields: frozenset[str] = RESUME_SAFE_FIELDS,
) -> bool:
    """Whether what another run has left gives way: it has neither a checkpoint nor a model.

    Raises:
        ConfigError: The folder is somebody else's, or the run in it differs and could go on, or
            has left a model, which may be worth more than the new run.
    """
    check_own_folder(run)
    folder, has_checkpoint = run.output_dir, build_checkpoint_manager(run).find_latest()
    try:
        check_resume_compatible(run, provenance, ignored_fields)
    except ConfigError:
        if has_checkpoint:
            raise
        for name in (BEST_FOLDER, PREVIOUS_BEST_FOLDER):
            if (folder / name).exists():
                raise ConfigError(
                    f"{folder} holds a run that differs and has no checkpoint, but a model in "
                    f"{folder / name}; choose another --out, or delete it to begin there"
                ) from None
        return True
    return False


def delete_log(folder: Path) -> None:
    """Delete what a run without a checkpoint has written, so that another begins there."""
    for path in (folder / name for name in _LOG_FILES):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
