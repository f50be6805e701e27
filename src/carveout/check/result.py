# SPDX-License-Identifier: Apache-2.0
"""What a run of `carveout check` hands to a report: one board at a time, and what it comes to in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Severity
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.boot.result import Boot
    from carveout.check.allow import Allowed
    from carveout.check.model import Finding


class BoardResult(NamedTuple):
    """One board that was read and checked."""

    file: str
    findings: tuple[Finding, ...]
    allowed: tuple[Allowed, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    """Scenes it could not be booted in: (name, why)."""
    boots: tuple[tuple[str, Boot], ...] = ()
    """The boots it was checked with, by the name of their scene."""


class Totals:
    """What a run comes to. Grows board by board; keeps no finding."""

    __slots__ = ("allowed", "boards", "counts", "unreadable", "unsimulated")

    def __init__(self) -> None:
        """Start with nothing."""
        self.boards = 0
        self.unreadable: list[str] = []
        """Messages about boards that could not be read."""
        self.unsimulated = 0
        """Boards with a scene that they could not be booted in."""
        self.allowed = 0
        self.counts = dict.fromkeys(Severity, 0)

    def add(self, result: BoardResult) -> None:
        """Count a board."""
        self.boards += 1
        self.unsimulated += bool(result.refused)
        self.allowed += len(result.allowed)
        self.count(result.findings)

    def count(self, findings: tuple[Finding, ...]) -> None:
        """Count findings that belong to no board."""
        for finding in findings:
            self.counts[finding.severity] += 1

    def has(self, threshold: Severity) -> bool:
        """Say whether something as bad as `threshold`, or worse, was found."""
        return any(number for severity, number in self.counts.items() if severity.rank <= threshold.rank)
