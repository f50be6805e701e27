# SPDX-License-Identifier: Apache-2.0
"""Handing a region to its driver, and undoing the reservation when the driver refuses.

Source: __reserved_mem_init_node(), fdt_init_reserved_mem_node(), drivers/of/of_reserved_mem.c
(kernel-semantics 3.5, 3.6, 3.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.region_nodes import compatible_names
from carveout.boot.result import Outcome, StepKind
from carveout.boot.state import ENODEV, ENOENT
from carveout.span import Span
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.driver_registry import RegionDriver
    from carveout.boot.state import EarlyBoot, RegionState, ReservedMem

_SOURCE = "kernel-semantics 3.7"


def matching_drivers(state: EarlyBoot, region: RegionState) -> Iterator[RegionDriver]:
    """Yield the drivers of this kernel which know the region's compatible, in link order."""
    if region.node.compatible is None:
        return
    names = compatible_names(state.behaviour, region.node.compatible)
    if not names:
        return
    for driver in state.drivers.matching(state.profile, names):
        if driver.is_users:
            doubt = f"the region driver {driver.name} is not the kernel's"
            if doubt not in region.doubts:
                region.doubts.append(doubt)
        yield driver


class Verdict(NamedTuple):
    """What the drivers say of a region before it is reserved."""

    error: int
    """0, -ENODEV when nobody cares, or another -errno."""
    driver: RegionDriver | None = None
    """Whose word it is; None: nobody's."""

    @property
    def is_veto(self) -> bool:
        """The region is not to be reserved."""
        return self.error not in (0, -ENODEV)


def validate(state: EarlyBoot, region: RegionState, base: int, size: int) -> Verdict:
    """Ask the drivers whether the region may be reserved."""
    if state.behaviour.region_validate == "none":
        return Verdict(-ENODEV)
    for driver in matching_drivers(state, region):
        error = driver.validate(state, region, base, size) if driver.validate is not None else -ENODEV
        if error == -ENODEV:
            continue
        if error and driver.is_users:
            _depend_on(state, region, driver, error)
        return Verdict(error, driver)
    return Verdict(-ENODEV)


def _depend_on(state: EarlyBoot, region: RegionState, driver: RegionDriver, error: int) -> None:
    # What is placed afterwards depends on a driver that is not the kernel's.
    region.reasons.append(f"the region driver {driver.name} refuses it with {error}")
    state.step(StepKind.FAIL, region.node.path, region.reasons[-1])
    state.scene_doubts.append(
        f"the region driver {driver.name}, which is not the kernel's, refuses {region.node.path}"
    )


def fixup(state: EarlyBoot, region: RegionState, base: int, size: int) -> None:
    """Tell the drivers that the region is reserved."""
    if state.behaviour.region_validate == "none":
        return
    for driver in matching_drivers(state, region):
        if driver.fixup is not None and driver.fixup(state, region, base, size) != -ENODEV:
            return


def init_region(state: EarlyBoot, entry: ReservedMem) -> bool:
    """Initialise one region: drivers, undo, summary line. Returns False when its driver refused it."""
    no_match = -ENODEV if state.behaviour.handler_dispatch == "stop" else -ENOENT
    error = _dispatch(state, entry, no_match)
    if error and error != no_match:
        _undo(state, entry)
        return False
    if error:
        was_refused = entry.region.outcome is Outcome.RESERVE_FAILED
        state.step(StepKind.INIT, entry.region.node.path,
                   "no region driver" + ("" if was_refused else ": it stays reserved"),
                   base=entry.base, size=entry.size, source=_SOURCE)  # fmt: skip
    if state.behaviour.region_summary == "line":
        _summary(state, entry)
    return True


def _dispatch(state: EarlyBoot, entry: ReservedMem, no_match: int) -> int:
    stops = state.behaviour.handler_dispatch == "stop"
    error = no_match
    refusal: tuple[RegionDriver, int] | None = None
    for driver in matching_drivers(state, entry.region):
        error = driver.setup(state, entry.region, entry.base, entry.size)
        if error == 0:
            entry.ops = driver
            entry.region.driver = driver.compatible
            state.step(StepKind.INIT, entry.region.node.path, f"taken by the {driver.name} region driver",
                       base=entry.base, size=entry.size, source=_SOURCE)  # fmt: skip
            state.say("initialized", name=entry.name, compatible=driver.compatible)
            if driver.is_users and entry.region.node.cma_default and entry.region.pool == "cma":
                state.doubts.append(f"the default area is one that the region driver {driver.name} makes")
            return 0
        if driver.is_users:
            refusal = driver, error
        if stops and error != -ENODEV:
            break
    if refusal is not None and error != no_match:
        _depend_on(state, entry.region, *refusal)
    return error


def _undo(state: EarlyBoot, entry: ReservedMem) -> None:
    region, node = entry.region, entry.region.node
    region.pool = None
    if state.behaviour.init_failure_undo == "kept":
        _keep(state, entry)
        return
    state.step(StepKind.FAIL, node.path, "its region driver refused it: the reservation is undone",
               base=entry.base, size=entry.size, source="kernel-semantics 3.5, 3.6")  # fmt: skip
    state.say("matching-fail", name=entry.name)
    if region.outcome is not Outcome.RESERVE_FAILED:
        region.outcome = Outcome.RELEASED
    if state.behaviour.init_failure_undo == "free-and-add":
        state.free(entry.base, entry.size, node.path, "given back to the system")
        if node.no_map:
            _add_back(state, entry)
    elif node.no_map:
        state.mb.clear_nomap(entry.base, entry.size)
        state.step(StepKind.FREE, node.path, "no-map is cleared: ordinary memory again",
                   base=entry.base, size=entry.size)  # fmt: skip
    else:
        state.free(entry.base, entry.size, node.path, "given back to the system")
    free = state.mb.largest_free(align=1, start=entry.base, end=entry.base + entry.size)
    if free is not None or state.ram_is_unknown:
        region.reasons.append("its region driver refused it, so the memory was given back to the system")
    else:
        region.reasons.append("its region driver refused it, yet none of the memory became free")


def _keep(state: EarlyBoot, entry: ReservedMem) -> None:
    region = entry.region
    region.is_refused = True
    region.reasons.append("its region driver refused it, and the memory stays reserved for nobody")
    state.step(StepKind.FAIL, region.node.path, region.reasons[-1], base=entry.base, size=entry.size)
    state.say("matching-fail", name=entry.name)


def _add_back(state: EarlyBoot, entry: ReservedMem) -> None:
    # memblock_add() asks nobody whether there is memory: what was no RAM before counts as RAM from now on.
    at, end = entry.base, entry.base + entry.size
    for bank in state.mb.memory:
        if bank.base < end and at < bank.end:
            if at < bank.base:
                state.false_ram.append(Span(at, bank.base))
            at = bank.end
    if at < end:
        state.false_ram.append(Span(at, end))
    state.mb.add(entry.base, entry.size)


def _summary(state: EarlyBoot, entry: ReservedMem) -> None:
    node = entry.region.node
    state.say(
        "summary",
        base=state.pa(entry.base),
        last=state.pa(entry.base + entry.size - 1),
        kib=(entry.size & state.mask) >> 10,
        nomap="nomap" if node.no_map else "map",
        reusable="reusable" if node.reusable else "non-reusable",
        name=entry.name,
    )
