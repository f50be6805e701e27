# SPDX-License-Identifier: Apache-2.0
"""From a driver that fails to the region or the area behind it, and from an alarming line to why it is harmless.

Source: of_device_make_bus_id(), drivers/of/platform.c, for how devices are named; kernel-semantics 5; cases of
peers-and-users A.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Outcome
from carveout.observe.item import Standing
from carveout.observe.log_failures import FailureKind
from carveout.observe.verification import Harmless, Traced
from carveout.span import Span
from carveout.units import format_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.board import Board, Consumer
    from carveout.boot.result import Boot, CmaArea, PlacedRegion
    from carveout.observe.item import Item
    from carveout.observe.log_failures import Failure
    from carveout.observe.log_messages import Said

_OF_MEMORY = (12, 16, 19, 22)
"""What a driver gets of reserved memory: ENOMEM, EBUSY, ENODEV, EINVAL."""
_BAD = (
    "alloc-failed", "reserve-failed", "matching-fail", "invalid-reg", "invalid-size", "invalid-alignment",
    "invalid-alloc-ranges", "too-many-dynamic", "cma-bypass", "cma-alignment", "cma-setup-failed", "dma-needs-nomap",
)  # fmt: skip
_FOR_ALL = ("unsupported-format", "not-enough-space")
_DEFAULT_NAMES = ("reserved", "default", "default_cma_region", "linux,cma")
_BAD_FOR_DEFAULT = ("cma-failed", "cma-slots", "cma-misaligned", "cma-exceeds", "cma-boundary", "cma-skipped")


def trace_back(
    failures: Iterable[Failure], board: Board, boot: Boot, items: Sequence[Item]
) -> tuple[Traced, ...]:
    """Return the failures that have to do with reserved memory, each with what is behind it."""
    tracer = _Tracer(board, boot, items)
    return tuple(traced for failure in failures if (traced := tracer.trace(failure)) is not None)


class _Tracer:
    def __init__(self, board: Board, boot: Boot, items: Sequence[Item]) -> None:
        self.board = board
        self.boot = boot
        self.regions = {region.path: region for region in boot.regions}
        self.named = {region.name: region for region in boot.regions}
        self.bad: dict[str, list[Said]] = {}
        self.for_all: list[Said] = []
        self.default_bad: list[Said] = []
        for item in items:
            if item.said is None:
                continue
            if item.said.family in _BAD and item.said.name is not None:
                self.bad.setdefault(item.said.name, []).append(item.said)
            elif item.said.family in _FOR_ALL:
                self.for_all.append(item.said)
            elif item.said.family in _BAD_FOR_DEFAULT:
                self.default_bad.append(item.said)

    def trace(self, failure: Failure) -> Traced | None:
        consumers = self._consumers(failure)
        if consumers:
            return self._of_consumers(failure, consumers)
        if failure.kind is FailureKind.CMA:
            return self._of_area(failure)
        region = self._region(failure)
        if region is not None:
            return Traced(failure, region.name, None, self._about(region), self._predicts(region))
        if failure.kind is FailureKind.PROBE:
            return None
        if failure.kind is FailureKind.ALLOCATION:
            return self._of_area(failure)
        return self._other(failure)

    # ------------------------------------------------------------- devices

    def _consumers(self, failure: Failure) -> list[Consumer]:
        names = [name for name in (failure.device, failure.driver) if name is not None]
        exact = [c for c in self.board.consumers if any(_is_device(name, c.path) for name in names)]
        if exact or failure.device is None:
            return exact
        base = failure.device.rpartition(".")[2].rpartition(":")[2]
        alike = [c for c in self.board.consumers if _base(c.path) == base]
        # A bus may move addresses: then only the name is left, and only if it is one device's.
        return alike if len({c.path for c in alike}) == 1 else []

    def _of_consumers(self, failure: Failure, consumers: list[Consumer]) -> Traced | None:
        results = [
            result
            for result in self.boot.consumers
            if any(result.path == c.path and result.index == c.index for c in consumers)
        ]
        failing = [result for result in results if result.errno is not None]
        if (
            failure.errno is not None
            and failure.errno not in _OF_MEMORY
            and failure.kind is FailureKind.PROBE
        ):
            return None
        chosen = failing[0] if failing else (results[0] if results else None)
        path = consumers[0].path
        if chosen is None:
            return None
        region = self.regions.get(chosen.region) if chosen.region is not None else None
        subject = region.name if region is not None else None
        about = self._about(region) if region is not None else "its memory-region leads to no region"
        if chosen.errno is not None:
            why = f"{path} asks for {chosen.region or 'a region that is not there'}; {about}; its driver gets -{chosen.errno}"
            if chosen.message:
                why += f" ({chosen.message})"
            same = failure.errno in (None, chosen.errno)
            return Traced(failure, subject, path, why, same)
        if subject is not None and (subject in self.bad or self.for_all):
            why = f"{path} asks for {chosen.region}; {about}"
            return Traced(failure, subject, path, why, None)
        if failure.kind is FailureKind.CMA or failure.errno == 12:
            return Traced(
                failure, subject, path, f"{path} uses {chosen.region}: {self._room(failure, region)}", None
            )
        why = (
            f"{path} asks for {chosen.region}, which can be had: {about}; the driver fails for another reason"
        )
        return Traced(failure, subject, path, why, False)

    # ------------------------------------------------------------- regions, areas

    def _region(self, failure: Failure) -> PlacedRegion | None:
        for name in (failure.area, failure.device, failure.driver):
            if name is None:
                continue
            if name in self.named:
                return self.named[name]
            found = [region for region in self.boot.regions if _is_device(name, region.path)]
            if found:
                return found[0]
        span = failure.span
        if span is None:
            return None
        for region in self.boot.regions:
            base = region.base if region.base is not None else region.requested_base
            size = region.size or region.requested_size
            if base is not None and size and Span.sized(base, size).overlaps(span):
                return region
        return None

    def _about(self, region: PlacedRegion) -> str:
        lines = [f"line {said.line}: {said.text}" for said in self.bad.get(region.name, [])[:2] if said.line]
        lines += [f"line {said.line}: {said.text}" for said in self.for_all[:1] if said.line]
        place = f" at 0x{region.base:x}, {format_size(region.size or 0)}" if region.base is not None else ""
        text = f"{region.name} is {_OUTCOMES[region.outcome]}{place}"
        if region.pool:
            text += f", a {region.pool} pool"
        parts = [text, *reasons(region, self.boot), *lines]
        return "; ".join(parts)

    def _predicts(self, region: PlacedRegion) -> bool | None:
        if region.outcome in (
            Outcome.ALLOC_FAILED,
            Outcome.RELEASED,
            Outcome.IGNORED,
            Outcome.RESERVE_FAILED,
        ):
            return True
        return None if region.name in self.bad or self.for_all else False

    def _of_area(self, failure: Failure) -> Traced | None:
        area = self._area(failure.area)
        lost = [
            region for region in self.boot.regions if region.outcome is not Outcome.PLACED and region.reusable
        ]
        why = [self._room(failure, None, area)]
        if area is None or area.is_default:
            for region in lost[:2]:
                why.append(f"the pool that the tree asks for is not there: {self._about(region)}")
            for said in self.default_bad[:2]:
                why.append(f"line {said.line}: {said.text}")
        elif area.from_region is not None:
            source = self.regions.get(area.from_region)
            if source is not None:
                why.append(self._about(source))
        subject = area.name if area is not None else None
        if (
            failure.kind is FailureKind.ALLOCATION
            and failure.area is None
            and not lost
            and not self.default_bad
        ):
            why.append("the line names no area: a device without memory-region uses the default one")
        return Traced(failure, subject, None, "; ".join(why), None)

    def _area(self, name: str | None) -> CmaArea | None:
        for area in self.boot.cma:
            if area.name == name or (name is None and area.is_default):
                return area
        if name in _DEFAULT_NAMES:
            return next((area for area in self.boot.cma if area.is_default), None)
        return None

    def _room(self, failure: Failure, region: PlacedRegion | None, area: CmaArea | None = None) -> str:
        page = self.boot.scene.page_size
        size = area.size if area is not None else region.size if region is not None else None
        if size is None:
            return "there is no default contiguous area to allocate from"
        name = area.name if area is not None else region.name if region is not None else ""
        text = f"{name} has {size // page} pages ({format_size(size)})"
        if failure.pages is None:
            return text
        text += f", {failure.pages} pages ({format_size(failure.pages * page)}) were asked for"
        if failure.pages > size // page:
            return text + ": more than the whole area"
        if failure.errno == 16:
            return text + ": pages in it could not be moved away"
        return text + ": it is too full, or no free run is long enough"

    def _other(self, failure: Failure) -> Traced | None:
        if failure.kind is FailureKind.REMOTEPROC and failure.span is not None:
            return Traced(
                failure, None, None,
                f"0x{failure.span.start:x} lies in no region of this tree: the firmware was linked for other addresses", None,
            )  # fmt: skip
        if failure.kind in (FailureKind.REGION, FailureKind.REMOTEPROC):
            return Traced(
                failure, None, None, "no device of this tree with a memory-region has this name", None
            )
        if failure.kind is FailureKind.PAGES:
            outside = [area for area in self.boot.cma if not self._in_ram(area)]
            if not outside:
                return None
            names = ", ".join(area.name for area in outside)
            return Traced(
                failure,
                outside[0].name,
                None,
                f"{names} lies where there is no RAM, or not all of it is RAM",
                True,
            )
        if failure.kind is FailureKind.ATOMIC_POOL:
            return Traced(failure, None, None, "pools for atomic allocations come from the default contiguous area, or from a zone of RAM; "
                          + self._room(failure, None, self._area(None)), None)  # fmt: skip
        return None

    def _in_ram(self, area: CmaArea) -> bool:
        span = Span.sized(area.base, area.size)
        return any(Span.sized(m.base, m.size).contains(span) for m in self.boot.memory)


def reasons(region: PlacedRegion, boot: Boot) -> list[str]:
    """Return why a region is where it is, or nowhere, without what is doubtful about the whole boot."""
    told = {*boot.profile.doubts, *boot.profile.build_doubts, *boot.profile.notes, *boot.notes}
    return [reason for reason in region.why.split("; ") if reason and reason not in told]


_OUTCOMES = {
    Outcome.PLACED: "placed",
    Outcome.RESERVE_FAILED: "not reserved",
    Outcome.ALLOC_FAILED: "not placed, there is no room",
    Outcome.RELEASED: "given back to the system",
    Outcome.IGNORED: "ignored by the kernel",
    Outcome.UNKNOWN: "not known, since RAM is not",
}


def _base(path: str) -> str:
    return path.rpartition("/")[2].partition("@")[0]


def _is_device(device: str, path: str) -> bool:
    # A platform device is `ADDRESS.NAME`, or `PARENT:NODE` where the node has no address of the CPU's.
    node = path.rpartition("/")[2]
    name, at, unit = node.partition("@")
    if device == node or device.rpartition(":")[2] == node:
        return True
    return bool(at) and device == f"{unit.lstrip('0') or '0'}.{name}"


# ---------------------------------------------------------------- harmless lines


def harmless(items: Iterable[Item], boot: Boot | None) -> tuple[Harmless, ...]:
    """Return the lines that look alarming and are not, with the reason. boot: None when there is no tree."""
    found = []
    seen: dict[tuple[str, str | None], int] = {}
    for item in items:
        said = item.said
        if said is None or not said.line:
            continue
        first = seen.setdefault((said.family, said.name), said.line)
        why = _harmless(said, boot)
        if why is None and first != said.line and said.family in _BAD and said.name is not None:
            why = f"it says again what line {first} says: one thing went wrong, not two"
        if why is not None:
            found.append(Harmless(said.line, said.text, why))
    return tuple(found)


def _harmless(said: Said, boot: Boot | None) -> str | None:
    if said.family == "reserve-failed":
        return _placeholder(said, boot)
    if said.family == "loader-failed" and not said.get("size"):
        return "the region has size 0: a placeholder, which the boot loader has nothing to reserve for"
    if said.family == "no-node":
        return "the tree has no reserved memory, which is fine"
    if said.family == "no-memory-to-cap":
        return "mem= or a usable range was looked at before RAM was known; it is applied later"
    return None


def _placeholder(said: Said, boot: Boot | None) -> str | None:
    region = None if boot is None else next((r for r in boot.regions if r.name == said.name), None)
    is_empty = (
        region.requested_size == 0 if region is not None else not said.get("base") and not said.get("mib")
    )
    if not is_empty or said.get("mib"):
        return None
    return (
        "its reg has size 0: a placeholder that the boot loader fills in, if there is a picture or table to keep; nothing was to be "
        "reserved, and nothing is lost"
    )


def is_failing(item: Item) -> bool:
    """Say whether a message tells of a region that was not had."""
    return item.said is not None and item.said.family in _BAD and item.standing is not Standing.ONLY_PREDICTED
