# SPDX-License-Identifier: Apache-2.0
"""What a verification takes, and what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carveout.board import Board
    from carveout.boot.result import Boot, Exactness
    from carveout.observe.iomem import Resource
    from carveout.observe.item import Item
    from carveout.observe.log import Log
    from carveout.observe.log_failures import Failure
    from carveout.observe.memory_files import MemblockLists, SeenArea


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen of one machine. None: not given."""

    log: Log | None = None
    iomem: tuple[Resource, ...] | None = None
    memblock: MemblockLists | None = None
    areas: tuple[SeenArea, ...] | None = None
    meminfo: Mapping[str, int] | None = None


class Deduction(NamedTuple):
    """Something nobody said, filled in since a boot with it shows what was seen."""

    kind: str
    text: str
    evidence: tuple[str, ...]
    settles: tuple[str, ...]
    """Subjects that agree with it, and did not without."""


class Traced(NamedTuple):
    """A later failure, and the region or area behind it."""

    failure: Failure
    subject: str | None
    """Name of a region, or of an area; None when nothing links it with reserved memory."""
    consumer: str | None
    """Path of the device in the tree."""
    why: str
    """What is behind it, as sentences."""
    is_predicted: bool | None
    """Whether the simulated boot gives the driver this errno; None when it cannot tell."""


class Harmless(NamedTuple):
    """A line that looks alarming and is not."""

    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A comparison of a tree with what was seen."""

    board: Board
    boot: Boot
    """The boot that came nearest, in the scene as it was given, seen and deduced."""
    evidence: Evidence
    items: tuple[Item, ...]
    deductions: tuple[Deduction, ...]
    failures: tuple[Traced, ...]
    harmless: tuple[Harmless, ...]
    notes: tuple[str, ...]
    exactness: Exactness
    why: tuple[str, ...]
    """Why the prediction is not exact."""

    @property
    def differences(self) -> tuple[Item, ...]:
        """The items in which seen and predicted disagree."""
        return tuple(item for item in self.items if item.is_difference)

    @property
    def agrees(self) -> bool:
        """Whether nothing disagrees."""
        return not self.differences
