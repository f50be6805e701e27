# SPDX-License-Identifier: Apache-2.0
"""What a firmware holds, what its processor is given, and what is found when the two are compared."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from carveout.amp.drivers import Driver
    from carveout.boot.result import PlacedRegion
    from carveout.span import Span


class Gravity(StrEnum):
    """How bad a problem is; the values are those of `carveout check`."""

    ERROR = "error"
    """The kernel refuses the firmware, or it overwrites something."""
    WARNING = "warning"
    """It works by luck, or something of it does not."""
    NOTE = "note"


class Segment(NamedTuple):
    """One loadable program header. Addresses are the processor's own (p_paddr)."""

    number: int
    """Among all program headers, as readelf counts."""
    span: Span
    file_size: int
    offset: int
    flags: int

    @property
    def is_executable(self) -> bool:
        """Say whether it holds code (PF_X)."""
        return bool(self.flags & 1)


class Section(NamedTuple):
    """The section `.resource_table`. address: where the processor looks for it."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """A firmware file, as far as loading it is concerned."""

    name: str
    """The file's name."""
    size: int
    bits: int
    """32 or 64."""
    is_little_endian: bool
    machine: str
    """As pyelftools names it, for example EM_ARM."""
    entry: int
    segments: tuple[Segment, ...]
    """PT_LOAD, of a size, in the file's order."""
    table: Section | None
    faults: tuple[str, ...] = ()
    """What about its headers makes the kernel refuse the file."""


class Place(NamedTuple):
    """Memory that the processor has, in its own addresses."""

    span: Span
    cpu: int
    """The CPU's address of its first byte."""
    name: str
    """The region's node name, or what the memory is called."""
    region: PlacedRegion | None = None
    """None: memory of the processor's own."""
    is_loadable: bool = True
    """False: the driver does not load segments there."""
    is_strict: bool = False
    """The driver refuses what ends with its last byte."""

    def takes(self, span: Span) -> bool:
        """Say whether the driver finds a range in it."""
        if not self.is_loadable or not self.span.contains(span):
            return False
        return not self.is_strict or span.end < self.span.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A remote processor of a board, with the memory that its node names."""

    path: str
    compatible: tuple[str, ...]
    driver: Driver
    regions: tuple[PlacedRegion | None, ...]
    """In the order of memory-region; None where an entry leads to no region."""
    places: tuple[Place, ...]
    has_iommu: bool
    enabled: bool = True


class Problem(NamedTuple):
    """One thing found. code and slug: see `carveout.amp.codes`."""

    code: str
    message: str
    """What is, what was expected, what follows."""
    gravity: Gravity
    fix: str | None = None
    related: tuple[str, ...] = ()
    """Paths of regions that have a part in it."""


class Use(NamedTuple):
    """Where one thing of a firmware goes: a line of the overview."""

    what: str
    span: Span | None
    """In the processor's addresses; None: left to the kernel."""
    size: int
    where: str


class Fit(NamedTuple):
    """The result for one firmware and one processor."""

    firmware: Firmware
    remote: Remote
    uses: tuple[Use, ...]
    problems: tuple[Problem, ...]
