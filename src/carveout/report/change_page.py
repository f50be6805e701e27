# SPDX-License-Identifier: Apache-2.0
"""The parts that reports about proposed changes share: heading, scenes, notes, and paragraphs under a bullet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness
from carveout.report.map_json import map_value
from carveout.report.terminal import wrap
from carveout.report.words import exactness_text, fit, safe, scene_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.boot.result import Boot
    from carveout.report.map_json import Json
    from carveout.report.terminal import Terminal

_WEAKEST = (Exactness.UNKNOWN, Exactness.MODELLED, Exactness.EXACT)


class Page:
    """Lines of a report, made safe and wrapped to the terminal as they are added."""

    def __init__(self, terminal: Terminal) -> None:
        """terminal: where it will be shown."""
        self.terminal = terminal
        self.lines: list[str] = []

    def add(self, text: str = "", *, indent: int = 0, role: str = "", first: str = "") -> None:
        """Add a paragraph. indent: columns. first: what the first line begins with, inside the indent of the rest."""
        shown = safe(text, ascii_only=self.terminal.ascii_only, limit=2000)
        rest = " " * (indent + len(first))
        for number, line in enumerate(wrap(shown, self.terminal.width - len(rest))):
            start = " " * indent + first if number == 0 else rest
            self.lines.append((start + self.terminal.paint(role, line)).rstrip())

    def add_row(self, text: str) -> None:
        """Add one line of a table, whose columns stay as they are."""
        shown = fit(f"  {text}", self.terminal.width, ascii_only=self.terminal.ascii_only)
        self.lines.append(shown.rstrip())

    def heading(self, text: str) -> None:
        """Add a heading, with an empty line in front where something stands there."""
        if self.lines and self.lines[-1]:
            self.lines.append("")
        self.add(text, role="heading")

    def verbatim(self, text: str, *, indent: int) -> None:
        """Add text line by line as it is, made safe."""
        for line in text.splitlines():
            shown = safe(line.replace("\t", "    "), ascii_only=self.terminal.ascii_only)
            self.lines.append((" " * indent + shown).rstrip())

    def title(self, title: str, boots: Sequence[Boot]) -> None:
        """Add what was simulated: the board, and a line for each scene with how far it can be relied on."""
        ascii_only = self.terminal.ascii_only
        heading = fit(title, self.terminal.width, ascii_only=ascii_only)
        self.lines.append(self.terminal.paint("heading", heading))
        shown = dict.fromkeys(f"{scene_line(boot)}: {exactness_text(boot)}" for boot in boots)
        self.lines += [fit(line, self.terminal.width, ascii_only=ascii_only) for line in shown]

    def notes(self, notes: Iterable[str]) -> None:
        """Add the notes, each once."""
        found = list(dict.fromkeys(notes))
        if found:
            self.heading("Notes")
            for note in found:
                self.add(note, indent=2, first="- ")

    def text(self) -> str:
        """Return the whole page, each line ended by a newline."""
        return "".join(line + "\n" for line in self.lines)


def weakest(boots: Iterable[Boot]) -> Exactness:
    """Return how far results from several boots can be relied on."""
    return min((boot.exactness for boot in boots), key=_WEAKEST.index, default=Exactness.UNKNOWN)


def notes_of(boots: Sequence[Boot], scenes: Sequence[str]) -> list[str]:
    """Return the notes of several boots; what only some of them say names its scene."""
    found: dict[str, list[str]] = {}
    for boot, name in zip(boots, scenes, strict=True):
        for note in boot.notes:
            found.setdefault(note, []).append(name)
    return [
        note if len(names) == len(scenes) else f"{', '.join(names)}: {note}" for note, names in found.items()
    ]


def scene_values(boots: Sequence[Boot], scenes: Sequence[str]) -> list[dict[str, Json]]:
    """Return the scenes as JSON has them in a map, each with its name."""
    found = []
    for boot, name in zip(boots, scenes, strict=True):
        value = map_value(boot)["scene"]
        found.append({"name": name, **(value if isinstance(value, dict) else {})})
    return found
