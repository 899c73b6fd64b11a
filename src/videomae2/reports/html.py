"""Text, tables and the page around them. Whatever comes from data is escaped here.

A piece of a page is a `Markup`, so that plain text cannot be mistaken for one.
"""

import base64
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STYLE_SHEET = """
:root{--paper:#fff;--ink:#181b20;--faint:#636a75;--line:#e3e6ea;--panel:#f6f7f9;--c0:#1f4e8c;
--c1:#b45309;--c2:#0f766e;--c3:#7e3794;--c4:#a3262a;--c5:#4d5b6a;--good:#15803d;--bad:#b91c1c;
--badpaper:#fef2f2;--band:#9db8d9}
@media (prefers-color-scheme:dark){:root{--paper:#14171c;--ink:#e7e9ed;--faint:#9aa3b0;
--line:#2c323b;--panel:#1c2027;--c0:#7fb0f0;--c1:#f0a35b;--c2:#5cc9bb;--c3:#cf95e0;--c4:#f08a8d;
--c5:#a7b4c4;--good:#5fd08a;--bad:#f58a8a;--badpaper:#331c1c;--band:#38557c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1060px;margin:0 auto;padding:28px 24px 64px}
h1{font-size:26px;line-height:1.25;margin:0 0 4px}
h2{font-size:18px;margin:40px 0 10px;padding-top:14px;border-top:1px solid var(--line)}
p{margin:6px 0 10px;max-width:75ch}
.sub,figcaption,.note{color:var(--faint)}
.note{font-size:13.5px}
code,.path{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.9em;
overflow-wrap:anywhere}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0}
.tile{flex:1 1 190px;background:var(--panel);border-radius:10px;padding:14px 16px}
.tile b{display:block;font-size:27px;line-height:1.2;font-variant-numeric:tabular-nums}
.tile span{display:block;color:var(--faint);font-size:13.5px}
.warn{background:var(--badpaper);border-left:4px solid var(--bad);border-radius:4px;
padding:10px 14px;margin:16px 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;margin:8px 0}
th{text-align:left;color:var(--faint);font-weight:600;border-bottom:1px solid var(--line);
padding:5px 10px 5px 0;white-space:nowrap}
td{border-bottom:1px solid var(--line);padding:5px 10px 5px 0;vertical-align:top}
th.n,td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
details{margin:10px 0}
summary{cursor:pointer;color:var(--c0)}
figure{margin:12px 0}
figcaption{font-size:13.5px;margin-top:4px}
figure>img{border:1px solid var(--line)}
.sheet figure>img{border:0}
figure img{max-width:100%;height:auto}
figure svg{max-width:100%;height:auto;display:block}
.two{display:flex;flex-wrap:wrap;gap:8px 32px;align-items:flex-start}
.two>figure{flex:1 1 440px;min-width:0}
.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:16px}
.sheet figure{margin:0;background:var(--panel);border-radius:8px;overflow:hidden}
.sheet img{display:block;width:100%;height:auto}
.sheet figcaption{padding:8px 12px 10px;font-size:13.5px}
.sheet b{color:var(--ink)}
.good{color:var(--good)}.bad{color:var(--bad)}
svg text{fill:var(--ink);font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",
sans-serif}
svg .faint{fill:var(--faint)}
svg .grid{stroke:var(--line);stroke-width:1}
svg .axis{stroke:var(--faint);stroke-width:1}
svg .band{fill:var(--band);opacity:.45}
svg .dash{stroke:var(--faint);stroke-dasharray:5 4;fill:none}
svg .ghost{stroke-opacity:.35;stroke-width:1}
svg .whisker{stroke:var(--ink);stroke-opacity:.8;stroke-width:1.2}
svg .bar{fill:var(--c0);fill-opacity:.55}
svg .track{fill:var(--panel)}
svg .cell{stroke:var(--paper);stroke-width:1}
svg .oncell{fill:#fff}
svg .line{fill:none;stroke-width:2.2;stroke-linejoin:round}
""" + "".join(f"svg .s{i}{{stroke:var(--c{i})}}svg .f{i}{{fill:var(--c{i})}}\n" for i in range(6))
"""Series have the classes s0 … s5 (lines) and f0 … f5 (areas)."""


NUM_SERIES_COLORS = 6
"""How many colours there are for series."""


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
