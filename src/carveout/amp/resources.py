# SPDX-License-Identifier: Apache-2.0
"""The resource table of a firmware against the regions of its processor.

Source: rproc_handle_carveout(), rproc_handle_devmem(), rproc_alloc_vring(), rproc_parse_vring(),
rproc_check_carveout_da(), rproc_alloc_carveout(), drivers/remoteproc/remoteproc_core.c; vring_size(),
include/uapi/linux/virtio_ring.h; rpmsg_probe(), drivers/rpmsg/virtio_rpmsg_bus.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.amp.model import Gravity, Place, Problem, Use
from carveout.amp.places import base_name
from carveout.amp.segments import place_of
from carveout.amp.table import ANY, MOST_VRINGS, Carveout, Devmem, Other, Trace, Vdev
from carveout.span import Span, round_up
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.amp.model import Remote
    from carveout.amp.table import Entry, Table, Vring
    from carveout.boot.result import PlacedRegion

_RPMSG = 7
"""VIRTIO_ID_RPMSG."""
_BUFFER_SIZE, _MOST_BUFFERS = 512, 512
_LONGEST_NAME = 31
"""Characters of a carveout's name that the core compares."""
_REFUSED = "the kernel does not start the processor"


class Resources:
    """Checks one table; what is taken from the device's pool is added up on the way."""

    def __init__(self, remote: Remote, table: Table, *, page_size: int) -> None:
        """page_size: of the kernel."""
        self._remote = remote
        self._table = table
        self._page = page_size
        self._named: dict[str, Place] = {}
        if remote.driver.named:
            for place in remote.places:
                if place.region is not None and base_name(place.region) not in remote.driver.unregistered:
                    # A region seen through several windows is registered at the last of them, its own address.
                    self._named[base_name(place.region)[:_LONGEST_NAME]] = place
        self.from_pool: list[tuple[str, int]] = []
        self.made: list[Place] = []
        """What the core allocates for carveouts at a fixed address: segments may be loaded there."""
        self.uses: list[Use] = []

    def check(self) -> Iterator[Problem]:
        """Yield what is wrong with the entries, in their order."""
        for entry in self._table.entries:
            yield from self._entry(entry)
        if self._table.fault is not None:
            yield Problem(
                "AMP202", f"its resource table is refused: {self._table.fault}; {_REFUSED}", Gravity.ERROR
            )
        yield from self._pool()

    def _entry(self, entry: Entry) -> Iterator[Problem]:
        if isinstance(entry, Carveout):
            yield from self._carveout(entry)
        elif isinstance(entry, Devmem):
            yield from self._devmem(entry)
        elif isinstance(entry, Trace):
            yield from self._trace(entry)
        elif isinstance(entry, Vdev):
            yield from self._vdev(entry)
        elif isinstance(entry, Other):
            kind = "a vendor's entry" if entry.is_vendor else "an entry of an unknown type"
            yield Problem(
                "AMP203",
                f"its resource table has {kind} ({entry.kind}); the core passes over it",
                Gravity.NOTE,
            )

    def _carveout(self, entry: Carveout) -> Iterator[Problem]:
        what = f"carveout '{entry.name}'"
        place = self._named.get(entry.name[:_LONGEST_NAME])
        if place is not None:
            yield from self._inside("AMP211", what, entry.da, entry.size, place)
            self._use(what, entry.da, entry.size, place.name)
            return
        yield from self._allocate("AMP212", what, entry.name, entry.da, entry.size)

    def _allocate(self, code: str, what: str, name: str, da: int, size: int) -> Iterator[Problem]:
        # No region of that name: the core allocates from the pool of the device, or the default pool.
        self.from_pool.append((what, size))
        self._use(what, da, size, "the pool of the device")
        if da != ANY:
            self.made.append(Place(Span.sized(da, size), da, what))
        if da == ANY or self._remote.has_iommu:
            return
        near = [known for known in self._named if _is_near(known, name)]
        lacking = (
            f"no region is named '{name}'"
            if self._remote.driver.named
            else "this driver offers no regions by name"
        )
        fixed = f"the address 0x{da:x} it asks for is not heeded ('Allocated carveout doesn't fit device address request')"
        yield Problem(
            code,
            f"{what} asks for 0x{da:x}, and {lacking}: memory comes from the pool of the device, and {fixed}",
            Gravity.WARNING,
            fix=f"rename the region '{near[0]}' to '{name}'"
            if near
            else f"add a region '{name}@...' to memory-region"
            if self._remote.driver.named
            else None,
        )

    def _inside(self, code: str, what: str, da: int, size: int, place: Place) -> Iterator[Problem]:
        related = (place.region.path,) if place.region is not None else ()
        if size > place.span.size:
            yield Problem(
                code,
                f"{what} needs {format_size(size)}, and {place.name} has {format_size(place.span.size)}: the kernel says "
                f"'Registered carveout doesn't fit len request'; {_REFUSED} (-12)",
                Gravity.ERROR,
                fix=f"make {place.name} at least 0x{size:x} bytes",
                related=related,
            )
        elif da != ANY and not place.span.contains(Span.sized(da, size)):
            asked = format_range(Span.sized(da, size))
            cause = "da" if da < place.span.start else "len"
            yield Problem(
                code,
                f"{what} asks for {asked}, and the processor sees {place.name} at {format_range(place.span)}: the kernel says "
                f"'Registered carveout doesn't fit {cause} request'; {_REFUSED} (-12)",
                Gravity.ERROR,
                fix=f"ask for 0x{place.span.start:08x}, or for FW_RSC_ADDR_ANY",
                related=related,
            )

    def _devmem(self, entry: Devmem) -> Iterator[Problem]:
        self._use(f"devmem '{entry.name}'", entry.da, entry.size, f"CPU address 0x{entry.pa:08x}")
        if not self._remote.has_iommu:
            yield Problem(
                "AMP221",
                f"devmem '{entry.name}' asks for 0x{entry.pa:x} to be mapped at 0x{entry.da:x}, and the processor has no "
                f"IOMMU: {_REFUSED} (-22)",
                Gravity.ERROR,
                fix="take the entry out of the resource table",
            )

    def _trace(self, entry: Trace) -> Iterator[Problem]:
        span = Span.sized(entry.da, entry.size)
        place = place_of([*self._remote.places, *self.made], span) if entry.size else None
        self._use(f"trace '{entry.name}'", entry.da, entry.size, place.name if place else "nowhere")
        if place is None:
            yield Problem(
                "AMP231",
                f"trace buffer '{entry.name}' at 0x{entry.da:x}, {format_size(entry.size)}, is outside of what the processor "
                "has: debugfs shows nothing of it",
                Gravity.WARNING,
            )

    def _vdev(self, entry: Vdev) -> Iterator[Problem]:
        if len(entry.vrings) > MOST_VRINGS:
            yield Problem(
                "AMP241",
                f"vdev {entry.order} has {len(entry.vrings)} rings, the core takes {MOST_VRINGS}: {_REFUSED} (-22)",
                Gravity.ERROR,
            )
            return
        for number, ring in enumerate(entry.vrings):
            what = f"vdev{entry.order}vring{number}"
            shape = _shape(what, ring)
            if shape is not None:
                yield shape
            if not ring.number or not ring.align:
                continue
            yield from self._ring(what, ring)
        if entry.device_id == _RPMSG:
            yield from self._buffers(entry)

    def _ring(self, what: str, ring: Vring) -> Iterator[Problem]:
        size = round_up(vring_size(ring.number, ring.align), self._page)
        place = self._named.get(what)
        if place is not None:
            yield from self._inside("AMP242", f"ring {what} ({ring.number} entries)", ring.da, size, place)
            self._use(f"ring {what}", ring.da, size, place.name)
        else:
            yield from self._allocate("AMP243", f"ring {what}", what, ring.da, size)

    def _buffers(self, entry: Vdev) -> Iterator[Problem]:
        name = f"vdev{entry.order}buffer"
        entries = entry.vrings[0].number if entry.vrings else 0
        size = min(2 * entries, _MOST_BUFFERS) * _BUFFER_SIZE
        place = self._named.get(name)
        region = place.region if place is not None else self._first_pool()
        if region is None or not region.size:
            self._use(f"buffers {name}", ANY, size, "the default pool")
            yield Problem(
                "AMP244",
                f"no region is named '{name}', and the first entry of memory-region is no pool: message buffers come from "
                "the default pool, which the processor may not reach",
                Gravity.WARNING,
                fix=f"add a region '{name}@...' (shared-dma-pool, no-map) to memory-region",
            )
            return
        self._use(f"buffers {name}", ANY, size, region.name)
        if place is None and self._remote.driver.pool_first:
            self.from_pool.append((f"buffers {name}", size))
            return
        block = self._block(size)
        if block > region.size:
            yield Problem(
                "AMP245",
                f"message buffers need {format_size(block)} ({2 * entries} of {_BUFFER_SIZE} bytes, a power of two), and "
                f"{region.name} has {format_size(region.size)}: rpmsg does not come up (-12)",
                Gravity.ERROR,
                fix=f"make {region.name} at least 0x{block:x} bytes, or the rings shorter",
                related=(region.path,),
            )

    def _first_pool(self) -> PlacedRegion | None:
        # The core gives the buffers' device the first region of the processor when none has their name.
        first = self._remote.regions[0] if self._remote.regions else None
        return first if first is not None and first.pool in ("dma", "cma") else None

    def _block(self, size: int) -> int:
        # A coherent pool gives blocks of a power of two pages.
        block = self._page
        while block < size:
            block *= 2
        return block

    def _pool(self) -> Iterator[Problem]:
        driver = self._remote.driver
        first = self._remote.regions[0] if self._remote.regions else None
        if not driver.pool_first or first is None or not first.size or not self.from_pool:
            return
        total = sum(self._block(size) for _, size in self.from_pool)
        if total > first.size:
            listed = ", ".join(f"{what} {format_size(size)}" for what, size in self.from_pool[:6])
            yield Problem(
                "AMP213",
                f"{listed} are taken from {first.name}: {format_size(total)} of {format_size(first.size)}; the kernel says "
                f"'failed to allocate dma memory'; {_REFUSED} (-12)",
                Gravity.ERROR,
                fix=f"make {first.name} larger than 0x{total:x} bytes",
                related=(first.path,),
            )

    def _use(self, what: str, da: int, size: int, where: str) -> None:
        self.uses.append(Use(what, None if da == ANY or not size else Span.sized(da, size), size, where))


def vring_size(number: int, align: int) -> int:
    """Return the bytes of a ring of so many entries: descriptors, what is available, then what was used, aligned.

    align: as the firmware gives it; the kernel masks with it also when it is no power of two.
    """
    available = 16 * number + 2 * (3 + number)
    return ((available + align - 1) & ~(align - 1)) + 2 * 3 + 8 * number


def _shape(what: str, ring: Vring) -> Problem | None:
    if not ring.number or not ring.align:
        return Problem(
            "AMP241",
            f"ring {what} has {ring.number} entries aligned to {ring.align}: the kernel says 'invalid qsz'; {_REFUSED} (-22)",
            Gravity.ERROR,
        )
    if ring.number & (ring.number - 1) or ring.number > 0x8000:
        return Problem(
            "AMP241",
            f"ring {what} has {ring.number} entries, expected a power of two up to 32768: the virtio device does not come up",
            Gravity.ERROR,
        )
    if ring.align & (ring.align - 1):
        return Problem(
            "AMP241",
            f"ring {what} is aligned to {ring.align}, expected a power of two: both sides work out other places for it",
            Gravity.ERROR,
        )
    return None


def _is_near(known: str, wanted: str) -> bool:
    def bare(name: str) -> str:
        return "".join(char for char in name.lower() if char.isalnum())

    return bool(wanted) and (bare(known) == bare(wanted) or wanted in known)
