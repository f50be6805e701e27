# SPDX-License-Identifier: Apache-2.0
"""The tables that a benchmark prints, and which budgets were not kept."""

from __future__ import annotations

from dataclasses import dataclass, field

ROW = "  {:<44} {:>12} {:>10}  {}"


@dataclass
class Report:
    """Prints rows, and remembers which budgets were not kept."""

    missed: list[str] = field(default_factory=list)

    def title(self, text: str) -> None:
        """Begin a table."""
        print(f"\n{text}")

    def row(self, name: str, value: str, ratio: str = "", note: str = "") -> None:
        """Print one measured thing."""
        print(ROW.format(name, value, ratio, note).rstrip())

    def judged(self, name: str, value: str, ratio: str, *, kept: bool, budget: str) -> None:
        """Print one measured thing that has a budget."""
        if not kept:
            self.missed.append(name)
        self.row(name, value, ratio, f"budget {budget}: {'kept' if kept else 'MISSED'}")
