# SPDX-License-Identifier: Apache-2.0
"""Whole maps as they were looked at and found good: a change of their appearance has to be meant.

The boots are written by hand, so these files say nothing about what a kernel does. After a change that is
meant: `python tests/golden/report/test_reviewed_maps.py`, then look at every difference (for the pictures:
`rsvg-convert -w 900 FILE.svg -o out.png`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from carveout.report.map_json import render_json
from carveout.report.map_svg import render_svg
from carveout.report.map_text import render_text
from carveout.report.terminal import Terminal
from support import boots_by_hand as by_hand

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout.boot.result import Boot

HERE = Path(__file__).parent

BOOTS: dict[str, Callable[[], Boot]] = {
    "one-gigabyte": by_hand.one_gigabyte,
    "two-banks": by_hand.two_banks,
    "ram-unknown": by_hand.ram_unknown,
}
FORMATS: dict[str, Callable[[Boot], str]] = {
    "txt": lambda boot: render_text(boot, title="acme.dtb (ACME Board)", terminal=Terminal()),
    "json": render_json,
    "svg": lambda boot: render_svg(boot, title="acme.dtb (ACME Board)"),
}


@pytest.mark.parametrize("name", BOOTS)
@pytest.mark.parametrize("form", FORMATS)
def test_map_looks_as_reviewed(name: str, form: str) -> None:
    expected = (HERE / f"{name}.{form}").read_text(encoding="utf-8")
    assert FORMATS[form](BOOTS[name]()) == expected


def _write() -> None:
    for name, make in BOOTS.items():
        for form, render in FORMATS.items():
            (HERE / f"{name}.{form}").write_text(render(make()), encoding="utf-8")


if __name__ == "__main__":
    _write()
