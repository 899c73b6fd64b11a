"""Pages from the templates beside this file: each is one file that loads nothing.

Templates escape what they are given; finished pieces, such as plots, are ``markupsafe.Markup``.
"""

import base64
import functools
import math
from typing import TYPE_CHECKING, Any

from videomae2.base.names import printable
from videomae2.base.text import format_count, format_duration

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: Any) -> str:
    """Fill in a template; a name that it uses and that is missing is an error."""
    return printable(_load_templates().get_template(template).render(values))


@functools.cache
def _load_templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("videomae2.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": format_percent,
        "number": lambda value: f"{value:.4g}",
        "count": lambda value: f"{value:,}",
        "counted": format_count,
        "duration": format_duration,
        # a picture, of kind png or jpeg, as text in the page
        "data_url": lambda content, kind: (
            f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
        ),
    }
    return environment


def format_percent(fraction: float, decimals: int = 1) -> str:
    """A share in percent; nothing for what is not known."""
    return "" if math.isnan(fraction) else f"{fraction:.{decimals}%}"
