"""Text, tables and the page around them. Whatever comes from data is escaped here.

A piece of a page is a `Markup`, so that plain text cannot be mistaken for one.
"""

import base64
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from videomae2.jobs.pages.look import STYLE_SHEET


@dataclass(frozen=True, slots=True)
class Markup:
    """A piece of a page that is safe to show."""

    text: str

    def __add__(self, other: "Markup") -> "Markup":
        return Markup(self.text + other.text)


Content = str | Markup
"""Plain text, which is escaped, or a finished piece."""

Number = float | int
"""Checks of types in tests do not take an int for a float."""

EMPTY = Markup("")


def escape(content: Content) -> Markup:
    """Make a piece of plain text."""
    return content if isinstance(content, Markup) else Markup(html.escape(content))


def tag(name: str, *contents: Content, **attributes: str | Number) -> Markup:
    """One element; an underscore in an attribute's name stands for a hyphen, ``class_`` for class.

    Numbers are written with at most two decimals.
    """
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_format_attribute(value))}"'
        for key, value in attributes.items()
    )
    inner = "".join(escape(content).text for content in contents)
    return Markup(f"<{name}{words}>{inner}</{name}>")


def join(pieces: Iterable[Markup]) -> Markup:
    """Several pieces, one behind the other."""
    return Markup("".join(piece.text for piece in pieces))


def section(title: str, *contents: Content) -> Markup:
    """A part of a page with a heading."""
    return tag("section", tag("h2", title), *contents)


def paragraph(*contents: Content, faint: bool = False) -> Markup:
    """Some sentences."""
    return tag("p", *contents, class_="note") if faint else tag("p", *contents)


def warning(*contents: Content) -> Markup:
    """Something a reader must not overlook."""
    return tag("div", *contents, class_="warn", role="alert")


def tiles(numbers: Iterable[tuple[str, str, str]]) -> Markup:
    """Large numbers: what it is, the number, and a line below."""
    tile_tags = (
        tag("div", tag("span", name), tag("b", value), tag("span", below), class_="tile")
        for name, value, below in numbers
    )
    return tag("div", *tile_tags, class_="tiles")


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Content]], *, numeric: Sequence[int] = ()
) -> Markup:
    """A table; the columns ``numeric`` stand at the right."""
    kinds = [{"class_": "n"} if column in numeric else {} for column in range(len(heads))]
    top = tag("tr", *(tag("th", head, **kind) for head, kind in zip(heads, kinds, strict=True)))
    body = (
        tag("tr", *(tag("td", cell, **kind) for cell, kind in zip(row, kinds, strict=True)))
        for row in rows
    )
    table_tag = tag("table", tag("thead", top), tag("tbody", *body))
    return tag("div", table_tag, class_="scroll")


def hidden(summary: str, *contents: Content) -> Markup:
    """Something that is shown when it is asked for."""
    return tag("details", tag("summary", summary), *contents)


def figure(picture: Markup, caption: Content = "") -> Markup:
    """A picture with words below."""
    return tag("figure", picture, *([tag("figcaption", caption)] if caption else []))


def beside(*figures: Markup) -> Markup:
    """Figures side by side, where there is room."""
    return tag("div", *figures, class_="two")


def image(content: bytes, kind: str, *, words: str) -> Markup:
    """A picture inside of the page; ``kind`` is png or jpeg, ``words`` says what it shows."""
    data = base64.b64encode(content).decode()
    alt = html.escape(words)
    return Markup(f'<img src="data:image/{kind};base64,{data}" alt="{alt}">')


def page(title: str, *contents: Content, subtitle: Content = "") -> str:
    """A whole page, complete in itself."""
    head = tag("h1", title)
    if subtitle:
        head += tag("p", subtitle, class_="sub")
    body = tag("main", head, *contents)
    # style is put in unescaped: it is ours, and the quotes of its fonts must stay
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE_SHEET}</style></head>"
        f"<body>{body.text}</body></html>\n"
    )


def _format_attribute(value: str | Number) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
