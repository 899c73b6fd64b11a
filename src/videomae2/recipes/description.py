"""What a row of a table of recipes says about itself, and the text that its help shows."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """The words of a released recipe; each entry is a sentence or more."""

    summary: str
    note: str = ""
    """A paragraph more."""
    source: str
    """The paper's table or the released script that the numbers are from."""
    data: str
    hardware: str = ""
    """GPUs and videos on each, if there is more to say than the numbers do."""
    time: str = "unmeasured."
    score: str
    example: str
    """What follows the name of the recipe on a command line."""


def format_description(description: Description, *, command: str, hardware: str) -> str:
    """The text of a recipe, as a docstring has it.

    Args:
        description: Its words.
        command: The command and the name of the recipe.
        hardware: What the numbers say of it.
    """
    note = f"{description.note}\n\n" if description.note else ""
    return (
        f"{description.summary}\n\n{note}"
        f"Source: {description.source}\n"
        f"Data: {description.data}\n"
        f"Hardware: {description.hardware or hardware}\n"
        f"Time: {description.time}\n"
        f"Score: {description.score}\n"
        f"Command: videomae2 {command} {description.example}"
    )


def format_hardware(gpus: int, batch_size: int, *, activation_checkpointing: bool) -> str:
    """GPUs and the videos that each holds at once."""
    end = ", activation checkpointing." if activation_checkpointing else "."
    return f"{gpus} GPUs with {batch_size} videos each{end}"
