"""Make one sentence of the framed paragraphs in which tyro complains about arguments.

The text is read rather than tyro's error objects, which tyro declares private and unstable.
"""

import re

_EDGES = "│╭╮╰╯|+ "
_RULES = "─-"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

_REWRITES = (
    (r"Error parsing (--?[\w.-]+): invalid literal for int\(\) with base 10: (.*)",
     r"\1 wants a whole number, found \2"),
    (r"Error parsing (--?[\w.-]+): could not convert string to float: (.*)",
     r"\1 wants a number, found \2"),
    (r"Error parsing (--?[\w.-]+): (.*)", r"\1: \2"),
    (r"Missing value for argument '(.*?)'\. Expected (\d+) values?", r"\1 wants \2 values"),
)  # fmt: skip
_CHOICE = re.compile(r"invalid choice (.*) for argument '(.*?)'\. Expected one of \((.*)\)")


def usage_error(panel: str) -> str:
    """Say in one line what is wrong with the arguments."""
    first, *rest = _split_paragraphs(panel)
    text = " ".join(first)
    if match := re.fullmatch(r"Unrecognized options: (.*)", text):
        return _format_unknown(match[1].split(", "), rest)
    if first[0].startswith("Missing from"):
        names = [line for line in first[1:] if re.match(r"-|[A-Z]+\b(?! [a-z])", line)]
        return f"{', '.join(names)} missing"
    text = text.rstrip(".")
    if match := _CHOICE.fullmatch(text):
        text = _format_choice(*match.groups())
    for pattern, words in _REWRITES:
        text = re.sub(f"^{pattern}$", words, text)
    return text.replace("'None'", "None").replace(" 1 values", " a value")


def _format_choice(value: str, flag: str, choices: str) -> str:
    """Name the choices in one order; tyro's differs from run to run."""
    return f"{flag} wants one of {', '.join(sorted(choices.split(', ')))}; found {value}"


def _format_unknown(options: list[str], rest: list[list[str]]) -> str:
    """Say which words are unknown; tyro lists flags with near names in the next paragraph."""
    matches = [line.split()[0] for part in rest[:1] for line in part if line.startswith("--")]
    flags = [word for word in options if word.startswith("-")] or options
    verb = "is" if len(flags) == 1 else "are"
    hint = f"; did you mean {matches[0].rstrip(',')}?" if matches else ""
    return f"{', '.join(flags)} {verb} not known{hint}"


def _split_paragraphs(panel: str) -> list[list[str]]:
    """Lines of a frame without its edges and title, split at its horizontal rules."""
    parts: list[list[str]] = [[]]
    for line in _COLOUR.sub("", panel).splitlines()[1:]:
        text = line.strip(_EDGES)
        if text.strip(_RULES):
            parts[-1].append(text)
        else:
            parts.append([])
    return [part for part in parts if part] or [["the arguments cannot be read"]]
