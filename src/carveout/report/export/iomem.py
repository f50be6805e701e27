# SPDX-License-Identifier: Apache-2.0
"""/proc/iomem as the simulated kernel shows it, with comments that a reader of the real file never meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.iomem import iomem
from carveout.boot.result import Exactness
from carveout.report.export.text import comment_text, line_comments
from carveout.report.words import scene_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.report.export.model import Export


def render(export: Export) -> str:
    """Return the lines of RAM, those below them, and on comment lines what cannot be told."""
    predicted = iomem(export.boot)
    text = line_comments(_heading(export, predicted.gaps), "#")
    kernel = predicted.kernel
    for line in predicted.lines:
        if kernel is not None and line.depth == 0 and line.span.contains(kernel):
            text += _line(line.depth, line.span.start, line.span.end, line.name)
            text += f"#   {kernel.start:08x}-{kernel.end - 1:08x} : the kernel's sections, as its build has them\n"
        else:
            text += _line(line.depth, line.span.start, line.span.end, line.name)
    return text


def _line(depth: int, start: int, end: int, name: str) -> str:
    return f"{'  ' * depth}{start:08x}-{end - 1:08x} : {name}\n"


def _heading(export: Export, gaps: tuple[str, ...]) -> Iterator[str]:
    yield f"/proc/iomem of {comment_text(export.title)}: RAM and what is reserved in it"
    yield comment_text(scene_line(export.boot))
    for gap in gaps:
        yield comment_text(gap)
    if export.boot.ram_known and export.boot.exactness is not Exactness.EXACT:
        yield "modelled:"
        for note in export.boot.notes:
            yield f"  {comment_text(note)}"
