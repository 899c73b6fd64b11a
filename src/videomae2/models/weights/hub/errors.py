"""What is wrong between here and the hub, and what to do, in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from videomae2.errors import CheckpointError, ConfigError


def import_hub() -> Any:
    """The library of the hub.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise ConfigError(
            "models of the Hugging Face hub want huggingface_hub: pip install 'videomae2[hub]', or "
            "download the file by hand and give its path"
        ) from error
    return huggingface_hub


@contextmanager
def explain_hub_errors(
    name: str, repo: str, file: str = "", *, uploads: bool = False
) -> Iterator[None]:
    """Turn what the hub's library raises into a ``CheckpointError``.

    Args:
        name: What somebody asked for.
        repo: owner/name.
        file: Of that repository, if it was one.
        uploads: Whether something goes there, not comes from there.
    """
    from httpx2 import HTTPError
    from huggingface_hub.errors import HFValidationError

    try:
        yield
    except HFValidationError as error:
        raise CheckpointError(f"{name} is no model of the hub: want hf://owner/name") from error
    except (HTTPError, OSError) as error:
        text = _describe(error, name, repo, file, uploads=uploads)
        if text is None:
            raise
        raise CheckpointError(text) from error


def _describe(error: Exception, name: str, repo: str, file: str, *, uploads: bool) -> str | None:
    from httpx2 import ConnectError, ConnectTimeout, PoolTimeout
    from huggingface_hub import constants, errors

    endpoint, page = constants.ENDPOINT, f"{constants.ENDPOINT}/{repo}"
    match error:
        case errors.GatedRepoError():
            return f"{repo} is gated: agree to its terms at {page}, and sign in with hf auth login"
        case errors.RepositoryNotFoundError():
            return (
                f"{endpoint} has no model {repo}, or it is private: correct the name, or sign in "
                "with hf auth login"
            )
        case errors.RevisionNotFoundError() | errors.EntryNotFoundError() if not isinstance(
            error, errors.LocalEntryNotFoundError
        ):
            return f"{page} has no {name}: its page lists what it has"
        case errors.HfHubHTTPError():
            status = error.response.status_code
            hint = "sign in with hf auth login" if status in (401, 403) else "try again later"
            return f"{endpoint} refused {name} ({status}, {_first_line(error)}): {hint}"
        case (
            ConnectError()
            | ConnectTimeout()
            | PoolTimeout()
            | errors.OfflineModeIsEnabled()
            | errors.LocalEntryNotFoundError()
        ):
            if uploads:
                reason = _describe_reason(error)
                return f"{endpoint} cannot be reached ({reason}): nothing was published"
            return _describe_offline(error, name, repo, file)
        case errors.FileMetadataError():
            return f"{endpoint} answers as no hub does ({_first_line(error)}): see HF_ENDPOINT"
        case OSError() if error.errno is not None:
            return None  # of this machine
    if uploads:
        return f"the connection to {endpoint} broke ({_first_line(error)}): run it again"
    return (
        f"the connection to {endpoint} broke ({_first_line(error)}): what has come of {name} is "
        "kept, and the same command goes on from there"
    )


def _describe_offline(error: Exception, name: str, repo: str, file: str) -> str:
    from huggingface_hub import constants

    what = f"{constants.ENDPOINT}/{repo}"
    what += f"/resolve/main/{file}" if file else " with its config.json and weights"
    return (
        f"{name} is not in the cache ({constants.HF_HUB_CACHE}), and {constants.ENDPOINT} cannot "
        f"be reached ({_describe_reason(error)}): download {what} elsewhere, and give the path of "
        "what you have"
    )


def _describe_reason(error: Exception) -> str:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    return _first_line(error) or type(error).__name__


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "").rstrip(".")
