# SPDX-License-Identifier: Apache-2.0
"""The state of one simulated boot: memblock, the kernel's tables, and the trace of what was done and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.memblock import Memblock
from carveout.boot.messages import MESSAGES
from carveout.boot.result import Hole, LogLine, Outcome, RegionKind, Step, StepKind
from carveout.span import MIB, Span
from carveout.values import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.board import Board, RegionNode
    from carveout.boot.cmdline import KernelArguments
    from carveout.boot.driver_registry import RegionDriver, RegionDrivers
    from carveout.boot.memblock import MemblockRegion, MemblockRules
    from carveout.boot.scene import ResolvedScene
    from carveout.kernel import Profile

VITAL = ("kernel", "dtb", "initrd")
"""Owners that a kernel hardly survives losing."""
ENOENT, ENOMEM, EBUSY, ENODEV, EINVAL, ENOSPC = 2, 12, 16, 19, 22, 28


class KernelPanic(Exception):
    """The simulated kernel panics. text: what it prints after `Kernel panic - not syncing: `."""

    def __init__(self, text: str | None) -> None:
        """Keep the text; None for a hang without a message."""
        super().__init__(text or "hang")
        self.text = text


@dataclass(slots=True, kw_only=True)
class RegionState:
    """What has become of one node below /reserved-memory so far."""

    node: RegionNode
    kind: RegionKind
    base: int | None = None
    size: int | None = None
    requested_base: int | None = None
    requested_size: int | None = None
    align: int | None = None
    windows: tuple[Span, ...] = ()
    outcome: Outcome = Outcome.IGNORED
    pool: str | None = None
    driver: str | None = None
    is_refused: bool = False
    """Its driver refused it, and it stays reserved."""
    reasons: list[str] = field(default_factory=list)
    hole: Hole | None = None
    extra: list[Span] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    """What about this region no boot has shown, as sentences: makes it modelled."""


@dataclass(slots=True, kw_only=True)
class ReservedMem:
    """One entry of the kernel's reserved_mem array."""

    region: RegionState
    name: str
    base: int
    size: int
    phandle: int
    ops: RegionDriver | None = None
    """The region driver that took it."""


@dataclass(slots=True, kw_only=True)
class Area:
    """One entry of the kernel's cma_areas array."""

    name: str
    base: int
    size: int
    region: RegionState | None
    crossed: int | None = None
    """The border of two zones inside it, which keeps it from being activated."""


class Ledger:
    """Who holds which bytes: finer than memblock's `reserved`, which forgets the owners."""

    def __init__(self) -> None:
        """Start with nobody holding anything."""
        self.claims: list[tuple[int, int, str]] = []

    def take(self, base: int, size: int, who: str) -> None:
        """Note that `who` holds [base, base + size)."""
        if size:
            self.claims.append((base, base + size, who))

    def give(self, base: int, size: int) -> None:
        """Forget every claim on [base, base + size), as memblock_phys_free() frees for everyone."""
        end = base + size
        kept: list[tuple[int, int, str]] = []
        for start, stop, who in self.claims:
            if stop <= base or start >= end:
                kept.append((start, stop, who))
                continue
            if start < base:
                kept.append((start, base, who))
            if stop > end:
                kept.append((end, stop, who))
        self.claims = kept

    def give_outside(self, reserved: Sequence[MemblockRegion]) -> None:
        """Forget every claim on bytes that are not in `reserved` any more."""
        kept: list[tuple[int, int, str]] = []
        for start, stop, who in self.claims:
            for region in reserved:
                low, high = max(start, region.base), min(stop, region.base + region.size)
                if low < high:
                    kept.append((low, high, who))
        self.claims = kept

    def owners(self, base: int, size: int) -> list[str]:
        """Return who holds any of [base, base + size), in order of claiming, each once."""
        end = base + size
        return list(dict.fromkeys(who for start, stop, who in self.claims if start < end and base < stop))

    def names_of(self, reserved: Sequence[MemblockRegion]) -> list[str]:
        """Return for each reserved region, ascending, the names of all who hold a part of it."""
        claims = sorted(self.claims)
        names: list[str] = []
        first = 0
        for region in reserved:
            end = region.base + region.size
            while first < len(claims) and claims[first][1] <= region.base:
                first += 1
            here: dict[str, None] = {}
            at = first
            while at < len(claims) and claims[at][0] < end:
                if claims[at][1] > region.base:
                    here[claims[at][2]] = None
                at += 1
            names.append(", ".join(here))
        return names


class EarlyBoot:
    """Everything the boot sequence works on. Made once for a boot, changed in place, read at the end."""

    def __init__(
        self,
        *,
        board: Board,
        scene: ResolvedScene,
        profile: Profile,
        arguments: KernelArguments,
        rules: MemblockRules,
        drivers: RegionDrivers,
    ) -> None:
        """Begin a boot of `board` in `scene` on the kernel of `profile`."""
        self.board = board
        self.scene = scene
        self.profile = profile
        self.behaviour = profile.behaviour
        self.config = profile.config
        self.arguments = arguments
        self.drivers = drivers
        self.mb = Memblock(rules)
        self.ledger = Ledger()
        self.mask = (1 << rules.phys_bits) - 1
        self.digits = rules.phys_bits // 4
        self.regions: list[RegionState] = []
        self.table: list[ReservedMem] = []
        self.areas: list[Area] = []
        self.pageblock_order: int | None = None
        """log2 of the pages in a block, where the kernel finds it at run time; None: fixed by the build."""
        self.sees_elfcorehdr = True
        """False where /chosen is read before the cells, so that linux,elfcorehdr counts as empty."""
        self.early: tuple[tuple[MemblockRegion, ...], tuple[MemblockRegion, ...]] | None = None
        """memory and reserved as they were before anything was allocated, where the architecture notes it."""
        self.default_area: Area | None = None
        self.initrd: Span | None = scene.initrd
        self.initrd_is_reversed = scene.initrd is not None and scene.initrd.end < scene.initrd.start
        self.log: list[LogLine] = []
        self.trace: list[Step] = []
        self.root_address_cells = 1
        self.root_size_cells = 1
        self.ram_is_unknown = False
        """Only what the tree fixes can be told: dynamic regions cannot be placed."""
        self.nodes: tuple[int, ...] = (0,)
        """NUMA nodes that are online, ascending; also those without memory."""
        self.default_failed = False
        """The default contiguous area was wanted and could not be made."""
        self.zone_borders: tuple[int, ...] = ()
        """Addresses at which one memory zone ends and another begins."""
        self.scene_doubts: list[str] = []
        """What is not known of the tree or the scene, as sentences: makes what the kernel places modelled."""
        self.doubts: list[str] = []
        """What the sequence met that no boot has shown, as sentences: makes the result modelled."""
        self.lowest_ram = 0
        """RAM below this address is ignored when the memory nodes are read."""
        self.high_memory: int | None = None
        """Where memory begins that is not mapped permanently; None: there is none."""
        self.early_fixups: list[Span] = []
        """Static contiguous pools that 32-bit arm notes while reserving, to remap them (dma_contiguous_early_fixup)."""
        self.false_ram: list[Span] = []
        """What memblock takes for RAM although the board has none there."""
        self.linear_map: list[Span] | None = None
        """What is mapped, once it is and where the architecture's sequence keeps it."""
        self.fate_doubts: list[str] = []
        """Why it is not certain that the kernel survives, as sentences; what was placed stays exact."""
        self.warned: set[str] = set()
        """Warnings of devices that are printed once (WARN_ONCE)."""
        self.crash_low_limit = 0
        """CRASH_ADDR_LOW_MAX of the generic crash kernel reservation, in bytes."""

    # ---- trace and log -------------------------------------------------------------------------------
    def step(
        self,
        kind: StepKind,
        subject: str,
        reason: str,
        *,
        base: int | None = None,
        size: int | None = None,
        source: str = "",
    ) -> None:
        """Add a step to the trace; log lines that follow belong to it."""
        self.trace.append(Step(kind, subject, reason, base, size, source))

    def say(self, key: str, **values: object) -> None:
        """Print one of the kernel's messages. Without RAM no log is claimed, so none is written."""
        if self.ram_is_unknown:
            return
        message = MESSAGES[key]
        level = message.level
        if key == "reserve-failed":
            level = self.behaviour.reserve_failure_level
        text = message.text.format(prefix=self.behaviour.region_message_prefix, **values)
        step = max(len(self.trace) - 1, 0)
        self.log.append(LogLine(text, level, step, message.is_about_regions))

    def pa(self, address: int) -> str:
        """Format a phys_addr_t as %pa does."""
        return f"0x{address & self.mask:0{self.digits}x}"

    def mib(self, size: int) -> int:
        """Return a size in whole MiB, cut off as the kernel's messages do."""
        return (size & self.mask) // MIB

    # ---- memblock with an owner ----------------------------------------------------------------------
    def reserve(self, base: int, size: int, who: str, reason: str, source: str = "") -> int:
        """memblock_reserve() for `who`; returns 0 or -ENOMEM."""
        result = self.mb.reserve(base, size)
        if result == 0:
            self.ledger.take(base, size, who)
        self.step(
            StepKind.RESERVE if result == 0 else StepKind.FAIL,
            who,
            reason if result == 0 else f"{reason}; the array of reserved regions is full",
            base=base,
            size=size,
            source=source,
        )
        return result

    def owners(self, base: int, size: int) -> list[str]:
        """Return who holds any of [base, base + size), in order of claiming, each once."""
        # memblock answers the usual case, nobody, without a look at every claim.
        return self.ledger.owners(base, size) if self.mb.is_region_reserved(base, size) else []

    def free(self, base: int, size: int, who: str, reason: str, source: str = "") -> None:
        """memblock_phys_free(): the bytes become free whoever reserved them."""
        others = [name for name in self.owners(base, size) if name != who]
        if self.mb.phys_free(base, size) == 0:
            self.ledger.give(base, size)
        if others:
            reason += "; this also frees what belongs to " + ", ".join(others)
            if lost := [name for name in others if name in VITAL]:
                self.fate_doubts.append(f"{who} gave away memory of the {', '.join(lost)}")
        self.step(StepKind.FREE, who, reason, base=base, size=size, source=source)

    def allocate(
        self,
        size: int,
        align: int,
        who: str,
        reason: str,
        *,
        start: int = 0,
        end: int = 0,
        nid: int | None = None,
        exact_nid: bool = False,
        needed: bool = False,
        cleared: bool = True,
        source: str = "",
    ) -> int:
        """memblock_alloc() for `who`: returns the base, or 0 if there is no room.

        needed: no boot has shown what the kernel does without it, so without room the result is modelled.
        cleared: the kernel fills it with zeros through the linear map, and dies where that is not mapped.
        """
        base = self.mb.alloc(size, align, start=start, end=end, nid=nid, exact_nid=exact_nid)
        if base:
            self.ledger.take(base, size, who)
            self.step(StepKind.ALLOC, who, reason, base=base, size=size, source=source)
            if cleared:
                self._clear(who, Span.sized(base, size))
        else:
            self.step(StepKind.FAIL, who, f"{reason}: no room", size=size, source=source)
            if needed and not self.ram_is_unknown:
                self.doubts.append(
                    f"there is no room for {who}, and what the kernel does then was never booted"
                )
        return base

    def touch(self, who: str, span: Span) -> None:
        """Die when the kernel writes to an allocation where there is no memory behind the addresses."""
        if not any(span.overlaps(false) for false in self.false_ram):
            return
        self.step(StepKind.PANIC, who, "there is no memory: a region given back made it look like RAM",
                  base=span.start, size=span.size)  # fmt: skip
        self.doubts.append("a write to addresses without memory is an abort in QEMU; a board may ignore it")
        raise KernelPanic("Attempted to kill the idle task!")

    def _clear(self, who: str, span: Span) -> None:
        self.touch(who, span)
        # memset() of memory that became free after the linear map was made takes a fault.
        if self.linear_map is None or any(mapped.contains(span) for mapped in self.linear_map):
            return
        self.step(
            StepKind.PANIC, who, "it lies where the linear map has no pages", base=span.start, size=span.size
        )
        self.doubts.append("a fault in memory outside the linear map was seen on 6.12.117 only")
        raise KernelPanic("Attempted to kill the idle task!")

    def hole_in(self, *, align: int, start: int, end: int) -> Hole | None:
        """Return the largest free range in a window, for an explanation."""
        found = self.mb.largest_free(align=align, start=start, end=end)
        return None if found is None else Hole(span=found[0], usable=found[1])
