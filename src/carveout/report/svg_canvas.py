# SPDX-License-Identifier: Apache-2.0
"""The few SVG elements the pictures need, written as text: escaped, rounded, the same bytes every time."""

from __future__ import annotations

from carveout.report.terminal import wrap
from carveout.report.words import safe, shorten

_DOTS = "\N{HORIZONTAL ELLIPSIS}"
_SLACK = 2.0
_LEAST_ROOM = 8

# How wide an average character is, as a part of the font size. On the large side for common fonts, so
# that text fitted by it stays inside its box.
SANS_EM = 0.61
BOLD_EM = 0.71
MONO_EM = 0.61


def escape(text: str) -> str:
    """Return text made safe to show and then escaped for XML text and attribute values."""
    text = safe(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


def columns(width: float, font_size: float, em: float = SANS_EM) -> int:
    """Return how many characters of a font fit into `width` pixels."""
    return max(4, int(width / (font_size * em)))


# Characters that are wider than `*_EM` says, as a multiple of it; measured in DejaVu Sans, which is wide.
_WIDE = frozenset("MWmw@%&")
_WIDE_WEIGHT = 1.65
_CAPITAL_WEIGHT = 1.15
_IDEOGRAPH_WEIGHT = 2.0


def weight(text: str) -> float:
    """Return how many average characters a text is as wide as."""
    if text.isascii():
        wide = sum(char in _WIDE for char in text)
        capitals = sum("A" <= char <= "Z" for char in text) - sum(char in "MW" for char in text)
        return len(text) + (_WIDE_WEIGHT - 1) * wide + (_CAPITAL_WEIGHT - 1) * capitals
    return sum(_IDEOGRAPH_WEIGHT if ord(char) > 0x2FF and char != _DOTS else weight_of(char) for char in text)


def weight_of(char: str) -> float:
    """Return how many average characters one character is as wide as, of those that are no ideographs."""
    return _WIDE_WEIGHT if char in _WIDE else _CAPITAL_WEIGHT if char.isupper() else 1.0


def fit(text: str, width: int) -> str:
    """Return text made safe and cut until it is as wide as `width` average characters at most."""
    text = safe(text)
    room = width
    # A few wide characters are made good by narrow ones.
    while weight(shown := shorten(text, room)) > width + _SLACK and room > 1:
        room = min(room - 1, int(room * width / weight(shown)) + 1)
    return shown


def wrapped(text: str, width: int) -> list[str]:
    """Return text made safe, in lines that are as wide as `width` average characters at most."""
    text = safe(text)
    room = width
    lines = wrap(text, room)
    while room > _LEAST_ROOM and any(weight(line) > width + _SLACK for line in lines):
        room -= max(room // 12, 1)
        lines = wrap(text, room)
    return lines


def number(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


class Canvas:
    """Collects elements in drawing order. Coordinates in pixels, y downwards."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts: list[str] = []

    def raw(self, text: str) -> None:
        """Add markup that is known to be right."""
        self._parts.append(text)

    def rect(self, x: float, y: float, width: float, height: float, classes: str) -> None:
        """Add a rectangle."""
        self._parts.append(
            f'<rect class="{classes}" x="{number(x)}" y="{number(y)}" '
            f'width="{number(width)}" height="{number(height)}"/>'
        )

    def path(self, points: list[tuple[float, float]], classes: str, *, closed: bool = False) -> None:
        """Add straight lines through the points."""
        steps = "L".join(f"{number(x)},{number(y)}" for x, y in points)
        self._parts.append(f'<path class="{classes}" d="M{steps}{"Z" if closed else ""}"/>')

    def text(self, x: float, y: float, text: str, classes: str) -> None:
        """Add one line of text whose baseline is y."""
        self._parts.append(f'<text class="{classes}" x="{number(x)}" y="{number(y)}">{escape(text)}</text>')

    def open_group(self, title: str, mark: str = "") -> None:
        """Begin a group; its title is what a browser shows under the pointer. mark: what a page finds it by."""
        shown = f"<title>{escape(title)}</title>" if title else ""
        marked = f' class="mark" data-row="{escape(mark)}"' if mark else ""
        self._parts.append(f"<g{marked}>{shown}")

    def close_group(self) -> None:
        """End the group."""
        self._parts.append("</g>")

    def fragment(self, width: float, height: float, *, title: str, classes: str = "picture") -> str:
        """Return the picture as an element of a page that has the style already."""
        return (
            f'<svg class="{classes}" viewBox="0 0 {number(width)} {number(height)}" role="group" '
            f'aria-label="{escape(title)}">\n' + "\n".join(self._parts) + "\n</svg>"
        )

    def document(self, width: float, height: float, *, title: str, description: str, style: str) -> str:
        """Return the whole document."""
        size = f'width="{number(width)}" height="{number(height)}"'
        head = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {number(width)} {number(height)}" '
            'role="img" aria-labelledby="carveout-title carveout-desc">\n'
            f'<title id="carveout-title">{escape(title)}</title>\n'
            f'<desc id="carveout-desc">{escape(description)}</desc>\n'
            f"{style}\n"
            f'<rect class="bg" width="{number(width)}" height="{number(height)}"/>\n'
        )
        return head + "\n".join(self._parts) + "\n</svg>\n"
