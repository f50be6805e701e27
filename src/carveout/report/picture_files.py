# SPDX-License-Identifier: Apache-2.0
"""A picture as PNG or PDF, for documents that take no SVG. Needs the extra `pictures`."""

from __future__ import annotations

from typing import Literal

from carveout.errors import ToolMissing

_PAGE = (
    b'#set page(width: auto, height: auto, margin: 0pt)\n#image(bytes(sys.inputs.picture), format: "svg")\n'
)
_DOTS_PER_INCH = 192.0
"""Of a PNG: two dots for each pixel of the picture, so that it is sharp in print."""


def convert(svg: str, form: Literal["png", "pdf"]) -> bytes:
    """Return a picture that this package drew in another form; the same bytes for the same picture and fonts.

    Raises: ToolMissing when typst is not installed.
    """
    try:
        import typst
    except ImportError as error:
        raise ToolMissing(
            f"a picture as {form.upper()} needs typst, which is not installed: pip install 'carveout[pictures]'"
        ) from error
    made = typst.compile(
        _PAGE, format=form, ppi=_DOTS_PER_INCH if form == "png" else None,
        sys_inputs={"picture": svg}, timestamp=0,
    )  # fmt: skip
    if not isinstance(made, bytes):  # one page by construction
        raise TypeError("typst made more than one page")
    return made
