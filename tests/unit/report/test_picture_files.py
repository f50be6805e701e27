# SPDX-License-Identifier: Apache-2.0
"""Pictures as PNG and PDF; skipped where the extra is not installed."""

from __future__ import annotations

import struct
import sys
from typing import Literal

import pytest

from carveout.errors import ToolMissing
from carveout.report.map_svg import render_svg
from carveout.report.picture_files import convert
from carveout.report.svg_frame import WIDE
from support import boots_by_hand as by_hand


def test_png_is_the_picture_twice_as_large() -> None:
    pytest.importorskip("typst", reason="needs typst (pip install 'carveout[pictures]')")
    png = convert(render_svg(by_hand.one_gigabyte(), title="board"), "png")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    # A pixel of SVG is 3/4 of a point, and there are 192 dots to 72 points.
    assert width == WIDE.width * 2
    assert height > 900
    assert png == convert(render_svg(by_hand.one_gigabyte(), title="board"), "png")


def test_pdf_has_text_that_can_be_searched() -> None:
    pytest.importorskip("typst", reason="needs typst (pip install 'carveout[pictures]')")
    pdf = convert(render_svg(by_hand.hostile(), title="board"), "pdf")
    assert pdf.startswith(b"%PDF-")
    assert b"/Font" in pdf


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_without_the_extra(form: Literal["png", "pdf"], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(ToolMissing, match=r"pip install 'carveout\[pictures\]'"):
        convert("<svg/>", form)
