# SPDX-License-Identifier: Apache-2.0
"""How text is put on a terminal: colour, width and glyphs, decided once and handed to a report."""

from __future__ import annotations

from carveout.values import NamedTuple

# SGR parameters by role. Only the eight basic colours, which every terminal lets its user choose.
_SGR = {
    "heading": "1",
    "dim": "2",
    "error": "1;31",
    "warning": "33",
    "region": "1",
    "pool": "36",
    "cma": "32",
    "kernel": "34",
}


class Terminal(NamedTuple):
    """What the place that text goes to can show. width: columns."""

    width: int = 100
    colour: bool = False
    unicode: bool = True

    def paint(self, role: str, text: str) -> str:
        """Return the text in the colour of its role, or as it is when there is no colour."""
        if not self.colour or not text or role not in _SGR:
            return text
        return f"\x1b[{_SGR[role]}m{text}\x1b[0m"

    @property
    def ascii_only(self) -> bool:
        """Whether only ASCII may be shown."""
        return not self.unicode


def wrap(text: str, width: int) -> list[str]:
    """Break text at spaces into lines of at most `width` columns.

    A longer word is broken before a `/`, where a path has one in the second half of the line, else where it must be.
    """
    width = max(width, 8)
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        rest = word
        while len(rest) > width:
            room = width - len(line) - 1 if line else width
            if line and room < width // 2:
                lines.append(line)
                line, room = "", width
            at = rest.rfind("/", room // 2, room + 1)
            at = at if at > 0 else room
            lines.append(f"{line} {rest[:at]}" if line else rest[:at])
            line, rest = "", rest[at:]
        if line and len(line) + 1 + len(rest) > width:
            lines.append(line)
            line = rest
        elif rest:
            line = f"{line} {rest}" if line else rest
    return [*lines, line] if line else lines or [""]


def bar(part: int, whole: int, width: int, *, unicode: bool) -> str:
    """Return a bar of at most `width` columns for part of whole; something, if only a sliver, when part > 0."""
    if part <= 0 or whole <= 0:
        return ""
    if not unicode:
        return "#" * max(1, part * width // whole)
    full, eighths = divmod(max(1, part * width * 8 // whole), 8)
    return "\N{FULL BLOCK}" * full + (chr(0x2590 - eighths) if eighths else "")
