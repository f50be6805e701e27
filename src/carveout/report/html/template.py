# SPDX-License-Identifier: Apache-2.0
"""How a page is put together: templates, style and script from this package, text from trees made harmless.

Every value passes through `safe` and is then escaped. The page's policy allows no connection, and of scripts and
styles those alone whose sums it names: text that got past both could still not run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from carveout import __version__
from carveout.errors import InternalError, ToolMissing
from carveout.report.svg_style import STYLE
from carveout.report.words import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Environment

_MOST_TEXT = 2000
"""Characters of one value. A page shows more than a terminal's line does."""


def render(template: str, values: Mapping[str, Any], *, scripts: Sequence[str] = ()) -> str:
    """Return a page made from a template of this package.

    values: what it shows; strings in them are data. scripts: those that go with it, in order.
    Raises: ToolMissing when jinja2 is not installed.
    """
    environment = _environment()
    from markupsafe import Markup

    style = f"{_asset('style.css')}\n{svg_style()}"
    code = "\n".join(_asset(script) for script in scripts)
    sources = [_sum(text) for text in (code,) if text]
    policy = f"default-src 'none'; style-src {_sum(style)}; script-src {' '.join(sources) or chr(39) + 'none' + chr(39)}"
    page: str = environment.get_template(template).render(
        values,
        version=__version__,
        policy=Markup(policy),  # noqa: S704 made of constants and base64
        style=Markup(style),  # noqa: S704 our own file
        script=Markup(code),  # noqa: S704 our own file
        hatch=Markup(_defs()),  # noqa: S704 our own text
    )
    return page


def markup(text: str) -> str:
    """Mark text as HTML or SVG that this package made and escaped itself."""
    _environment()
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 the caller made and escaped it


def embedded_json(values: object) -> str:
    """Return values as JSON that can stand in a script element: nothing in it ends the element."""
    text = json.dumps(values, ensure_ascii=True, separators=(",", ":"))
    return markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def svg_style() -> str:
    """Return the rules of the pictures, for the style of a page."""
    return STYLE.partition("<style>")[2].partition("</style>")[0].strip()


def _defs() -> str:
    return STYLE.partition("<style>")[0].strip()


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise ToolMissing(
            "a page of HTML needs jinja2, which is not installed: pip install 'carveout[html]'"
        ) from error
    return Environment(
        loader=PackageLoader("carveout.report.html", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalized,
    )


def _finalized(value: object) -> object:
    # Markup is a str too, and stays as it is.
    return safe(value, limit=_MOST_TEXT) if type(value) is str else value


@cache
def _asset(name: str) -> str:
    environment = _environment()
    loader = environment.loader
    if loader is None:
        raise InternalError("pages have no loader")
    return loader.get_source(environment, name)[0].strip()


def _sum(text: str) -> str:
    # The element's text begins and ends with a newline.
    digest = hashlib.sha256(f"\n{text}\n".encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
