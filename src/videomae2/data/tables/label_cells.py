"""What a cell of labels may look like: a name, or a list as JSON, Python or NumPy write it.

What looks like code, a formula or an error of a spreadsheet is no name.
"""

import ast
import json
import re

from videomae2.errors import shorten

_MAX_SHOWN = 60
_CONTAINERS = (list, dict, tuple, set)
_TEXT = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_WRAPPED = re.compile(rf"\w+(?:\.\w+)+\(({_TEXT}|[-+.\w]+)\)")  # np.str_('run')
_PART = rf"(?:{_TEXT}|[-+]?[0-9]+(?:\.[0-9]*)?)"
_LIST = re.compile(
    rf"[\[(]\s*(?:{_PART}(?:(?:\s*,\s*{_PART})*|(?:\s+{_PART})*))\s*,?\s*[\])]"
)  # NumPy writes blanks alone
_LIKE_LIST = re.compile(r"[\[(]\s*(?:[\"'\u2018\u201c]|\w+(?:\.\w+)*\().*|\[.*[,;].*\]", re.DOTALL)
_LIKE_CODE = re.compile(r"\w+(?:\.\w+)*\(\s*[\[({\"'].*\)", re.DOTALL)
_SHEET_ERROR = re.compile(r"#[A-Z0-9/_]+[!?]|#GETTING_DATA|Err:[0-9]+", re.IGNORECASE)
_QUOTES = {'"': '"', "'": "'", "`": "`", "\u2018": "\u2019", "\u201c": "\u201d", "\u201e": "\u201c",
           "\u00ab": "\u00bb"}  # fmt: skip


def parse_list_cell(text: str) -> list[str] | None:
    """The members of a cell that holds a list; None for the name of a class.

    An object of one list counts as that: Label Studio writes {"choices": ["run"]}.

    Raises:
        ValueError: The cell nests more than that, or is neither.
    """
    if text[:1] + text[-1:] in ("[]", "{}", "()"):
        members = _parse_json(text) if text[0] != "(" else None
        members = _parse_parts(text) if members is None else members
        if members is not None:
            return members
    check_name(text)
    return None


def check_name(text: str) -> None:
    """Refuse what is no name of a class but code, quoted text, or what a spreadsheet left.

    Raises:
        ValueError: It is such.
    """
    shown = shorten(text, _MAX_SHOWN)
    if _SHEET_ERROR.fullmatch(text):
        raise ValueError(f"is {text!r}, an error of a spreadsheet: write the name of the class")
    if text.startswith("=") and len(text) > 1:
        raise ValueError(
            f"is {shown!r}, which looks like a formula: save the values that a spreadsheet shows"
        )
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        raise ValueError(f"is {shown}, in quotes of its own: write the name without them")
    if _LIKE_LIST.fullmatch(text) or _LIKE_CODE.fullmatch(text):
        raise ValueError(
            f"is {shown!r}, which looks like a list and is none: wanted a name, or names as in "
            '["run", "sit"]'
        )


def _parse_json(text: str) -> list[str] | None:
    """The members of a list or of an object of one, as JSON or, of objects, Python writes it."""
    for parse in (json.loads, ast.literal_eval) if text[0] == "{" else (json.loads, _parse_nested):
        try:
            content = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(content, dict) and len(content) == 1:
            (content,) = content.values()
        if isinstance(content, list) and not any(isinstance(m, _CONTAINERS) for m in content):
            return [str(member).strip() for member in content]
        if isinstance(content, _CONTAINERS):
            raise ValueError(
                "nests lists or objects: wanted the name of a class, or one list of names"
            )
    if text[0] == "{":
        raise ValueError("looks like an object and is no JSON: wanted the name of a class")
    return None


def _parse_nested(text: str) -> object:
    """A list of objects or lists as Python writes it; of names it would join ['a' 'b']."""
    content = ast.literal_eval(text)
    if isinstance(content, list) and (
        not content or any(isinstance(m, _CONTAINERS) for m in content)
    ):
        return content
    raise ValueError("a list of names")


def _parse_parts(text: str) -> list[str] | None:
    """The members of a list or tuple of texts and numbers, with commas or blanks between."""
    bare = _WRAPPED.sub(r"\1", text)
    if not _LIST.fullmatch(bare) or (text[0] == "(" and not re.search(r"[\"']", text)):
        return None
    parts = re.findall(_PART, bare)
    return [str(ast.literal_eval(part)).strip() if part[0] in "\"'" else part for part in parts]
