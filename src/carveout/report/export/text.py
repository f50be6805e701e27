# SPDX-License-Identifier: Apache-2.0
"""The comments that every export of text has: what it is of, and where each number is from.

Text from a tree goes through comment_text(): it cannot end a comment, begin one, or go on in the next line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.export.model import doubts, origin
from carveout.report.words import region_attributes, safe, scene_line, verdict
from carveout.span import Span
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.report.export.model import Entry, Export

_LONGEST = 500


def comment_text(text: str) -> str:
    """Return text that is safe within a comment of C, dts, ld, Rust or a shell: one line of printable ASCII."""
    shown = safe(text, ascii_only=True, limit=_LONGEST)
    shown = shown.replace("*/", "* /").replace("/*", "/ *").replace("??/", "? ?/")
    # A backslash at the end of a line joins it with the next one in C.
    return shown + "." if shown.endswith("\\") else shown


def quoted(text: str) -> str:
    """Return a string literal in the form that C, Rust, dts and JSON read the same way for ASCII."""
    plain = safe(text, ascii_only=True, limit=_LONGEST)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"').replace("??", "?\\?") + '"'


def heading(export: Export) -> Iterator[str]:
    """Yield the lines at the top of a file, without comment signs."""
    yield f"Reserved memory of {comment_text(export.title)}"
    yield comment_text(scene_line(export.boot))
    if export.device is not None:
        yield f"Addresses are those of {comment_text(export.device)}"
    dead = verdict(export.boot)
    if dead is not None:
        yield comment_text(f"{dead}; these places are not those of a running system")
    yield "Made by carveout export; do not edit: export it again"
    for why in doubts(export.entries):
        yield f"modelled: {comment_text(why)}"
    for left in export.left_out:
        yield f"left out: {comment_text(left.path)}: {comment_text(left.reason)}"


def about(entry: Entry, export: Export) -> Iterator[str]:
    """Yield the lines above an entry: its node, its place, where that is from."""
    words = ", ".join([*region_attributes(entry.region), *entry.region.compatible[:1]])
    yield comment_text(entry.region.path) + (f" ({comment_text(words)})" if words else "")
    place = f"{format_range(Span.sized(entry.base, entry.size))}, {format_size(entry.size)}"
    yield f"{place}: {comment_text(origin(entry, export.boot))}, {entry.region.exactness}"
    if entry.device_base is not None and entry.device_base != entry.base:
        yield "the CPU's address; the device's is used below"


def block_comment(lines: Iterator[str], indent: str = "") -> str:
    """Return lines as one comment of C."""
    listed = list(lines)
    if len(listed) == 1:
        return f"{indent}/* {listed[0]} */\n"
    return f"{indent}/*\n" + "".join(f"{indent} * {line}\n" for line in listed) + f"{indent} */\n"


def line_comments(lines: Iterator[str], sign: str, indent: str = "") -> str:
    """Return lines each behind a comment sign."""
    return "".join(f"{indent}{sign} {line}\n" for line in lines)
