# SPDX-License-Identifier: Apache-2.0
"""What a simulated boot gives: plain values that reports, checks and tools read.

Addresses and sizes are int, in bytes. Nothing here changes after the boot.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout.boot.scene import ResolvedScene
    from carveout.kernel.profile import Profile
    from carveout.pool.cma import CmaPool
    from carveout.pool.coherent import CoherentPool
    from carveout.pool.lending import SystemMemory
    from carveout.pool.policy import Policy
    from carveout.pool.restricted import RestrictedPool
    from carveout.span import Span


class Exactness(StrEnum):
    """How far a result can be relied on."""

    EXACT = "exact"
    """Equal to the booted kernel's, byte for byte."""
    MODELLED = "modelled"
    """Computed, but depends on something the scene does not say; `why` names it."""
    UNKNOWN = "unknown"
    """Cannot be computed; `why` names the option that settles it."""


class RegionKind(StrEnum):
    """Which kind of request a child of /reserved-memory is."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    NONE = "none"


class Outcome(StrEnum):
    """What became of a child of /reserved-memory."""

    PLACED = "placed"
    RESERVE_FAILED = "reserve-failed"
    """Static, but the kernel did not reserve it (all of it); a driver may still use the addresses."""
    ALLOC_FAILED = "alloc-failed"
    """Dynamic, and no room was found."""
    RELEASED = "released"
    """Reserved, then given back because its region driver refused it."""
    IGNORED = "ignored"
    """The kernel does not look at it: disabled, malformed, nested, or its parent is refused."""
    UNKNOWN = "unknown"
    """Cannot be told: RAM is not known."""


class BootOutcome(StrEnum):
    """Whether the boot survives early memory set-up."""

    OK = "ok"
    PANIC = "panic"
    HANG = "hang"


class Hole(NamedTuple):
    """The largest free range a failed request met, and what limited it."""

    span: Span
    usable: int
    """Bytes left in it once its start is aligned as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRegion:
    """One child of /reserved-memory after the boot. base and size are None when it was not placed."""

    path: str
    name: str
    kind: RegionKind
    base: int | None
    size: int | None
    requested_size: int | None
    """What the tree asks for (`size`, or the size in the first entry of `reg`); None if neither can be read."""
    requested_base: int | None
    """The base in the first entry of `reg`; None for a dynamic region."""
    align: int | None
    """The alignment the kernel used for a dynamic region, in bytes."""
    alloc_ranges: tuple[Span, ...]
    nomap: bool
    reusable: bool
    pool: str | None
    """`cma`, `dma` or `restricted`."""
    driver: str | None
    """The compatible of the region driver that took it."""
    outcome: Outcome
    exactness: Exactness
    why: str
    """Why the outcome and the exactness are what they are: sentences for a person."""
    hole: Hole | None = None
    compatible: tuple[str, ...] = ()
    phandle: int | None = None
    label: str | None = None
    """The first label that points at it in /__symbols__, if any."""
    extra: tuple[Span, ...] = ()
    """Second and later entries of `reg` that were reserved with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CmaArea:
    """One contiguous memory area known to the kernel at the end of early boot."""

    name: str
    base: int
    size: int
    is_default: bool
    exactness: Exactness
    why: str
    from_region: str | None = None
    """Path of the region it was made from; None for an area from the configuration or command line."""
    activated: bool = True
    """False when it crosses the border of two zones or nodes: reserved, but nobody can allocate from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRange:
    """One entry of memblock's `memory` list."""

    base: int
    size: int
    nomap: bool
    flags: int = 0
    nid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedRange:
    """One entry of memblock's `reserved` list, with everybody who reserved a part of it."""

    base: int
    size: int
    who: str
    flags: int = 0
    nid: int | None = None


class Claim(NamedTuple):
    """One reservation and its owner: finer than `reserved`, which merges neighbours."""

    base: int
    size: int
    who: str
    """`kernel`, `dtb`, `initrd`, `memreserve`, `reserved-ranges`, `page tables`, `default cma`, a node's path, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerResult:
    """What one entry of a device's `memory-region` gives its driver."""

    path: str
    index: int
    name: str | None
    region: str | None
    """Path of the region; None when the phandle leads nowhere."""
    errno: int | None
    """Positive errno the driver would see; None when the region can be had."""
    message: str | None
    bound_by: str | None
    """`cma`, `dma` or `restricted` when the driver core attaches a pool; None: the driver maps it itself."""
    enabled: bool = True
    """False when the device or one of its parents is disabled: then no driver asks."""


class StepKind(StrEnum):
    """The kinds of steps in a trace."""

    SCAN = "scan"
    MEMORY = "memory"
    RESERVE = "reserve"
    NOMAP = "nomap"
    ALLOC = "alloc"
    FREE = "free"
    SKIP = "skip"
    FAIL = "fail"
    INIT = "init"
    CMA = "cma"
    CHECK = "check"
    PANIC = "panic"


class Step(NamedTuple):
    """One thing the kernel does, with its reason and the lines it logs while doing it."""

    kind: StepKind
    subject: str
    """Whom it concerns: a node path, `kernel`, `dtb`, `initrd`, `default cma`, …"""
    reason: str
    base: int | None = None
    size: int | None = None
    source: str = ""
    """Where this is known from, for example `kernel-semantics 3.4`."""


class LogLine(NamedTuple):
    """One line of the kernel's log, without time stamp, and the step of the trace that printed it."""

    text: str
    level: str
    """`err`, `warn`, `notice` or `info`."""
    step: int
    """Index into `Boot.trace`."""
    is_about_regions: bool = True
    """About reserved memory or contiguous memory."""


class EarlyMemory(NamedTuple):
    """The lists of memblock when all that tree and command line ask for is reserved, and nothing else is."""

    memory: tuple[MemoryRange, ...]
    reserved: tuple[ReservedRange, ...]
    """Without owners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """The result of one simulated boot."""

    scene: ResolvedScene
    profile: Profile
    regions: tuple[PlacedRegion, ...]
    """Tree order."""
    cma: tuple[CmaArea, ...]
    memory: tuple[MemoryRange, ...]
    """Ascending, as memblock has it after early boot."""
    reserved: tuple[ReservedRange, ...]
    """Ascending, as memblock has it after early boot."""
    claims: tuple[Claim, ...]
    """Ascending by base; who holds what at the end of early boot."""
    consumers: tuple[ConsumerResult, ...]
    outcome: BootOutcome
    failure: str | None
    log_lines: tuple[LogLine, ...]
    trace: tuple[Step, ...]
    notes: tuple[str, ...]
    """What was assumed and what is not known, as sentences for a person."""
    exactness: Exactness
    """The weakest of all parts."""
    ram_known: bool
    early: EarlyMemory | None = None
    """Where the architecture has such a moment: before anything was allocated."""
    lowmem_end: int | None = None
    """arm: the end of the RAM that the kernel maps permanently; None where it maps all RAM."""

    @property
    def log(self) -> tuple[str, ...]:
        """The log lines about reserved memory and CMA, as that kernel prints them, in order."""
        return tuple(line.text for line in self.log_lines if line.is_about_regions)

    @property
    def messages(self) -> tuple[str, ...]:
        """All simulated log lines, in order: those of `log`, and those about limits and the crash kernel."""
        return tuple(line.text for line in self.log_lines)

    def pool(
        self,
        name: str = "default",
        *,
        policy: str | Callable[[], Policy] = "first-fit",
        memory: SystemMemory | None = None,
    ) -> CmaPool | CoherentPool | RestrictedPool:
        """Return the allocator of a pool, as it is when this system is up and no driver has asked yet.

        name: of the area or region (`linux,cma`), its path or label; `default` is the default contiguous area.
        policy: where requests go, by name or as what makes one. memory: what is outside the pools.
        Raises: UsageError when there is no such pool.
        """
        # The one step back against the way through the house, since it is where a reader of a Boot looks for it.
        from carveout.pool.of_boot import open_pool

        return open_pool(self, name, policy=policy, memory=memory)
