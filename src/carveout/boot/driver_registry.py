# SPDX-License-Identifier: Apache-2.0
"""What a region driver is, and the registry in which a boot looks it up by `compatible`.

A row has the operations that the kernel's own drivers have. Rows are in link order; every row whose compatible
matches is asked, in that order, until one takes the region (or, on kernels that stop, refuses it).
Source: RESERVEDMEM_OF_DECLARE(), struct reserved_mem_ops, include/linux/of_reserved_mem.h (kernel-semantics 3.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import MappingKind
from carveout.values import NamedTuple, dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from carveout.boot.memblock import MemblockRegion
    from carveout.boot.state import EarlyBoot, RegionState, ReservedMem
    from carveout.fdt import Node
    from carveout.kernel import Profile
    from carveout.kernel.device_drivers import DeviceDriver

    Handler = Callable[[EarlyBoot, RegionState, int, int], int]
    """Takes (state, region, base, size); gives 0 or a negative errno."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What a device_init operation answers."""

    errno: int | None = None
    """Positive; None when the device has the region."""
    message: str | None = None
    """Why it is refused."""
    mapping: MappingKind = MappingKind.NONE
    doubt: str | None = None
    """What of this is not known, as a sentence: makes the result modelled."""
    log: tuple[str, ...] = ()
    """Lines the kernel prints for it, less the name of the device that dev_info() and its like put in front."""


@dataclass(slots=True, kw_only=True)
class DeviceState:
    """A device while its driver binds: what it was given so far."""

    node: Node
    assigned: list[ReservedMem] = field(default_factory=list)
    """The kernel's list of assigned regions, in order."""
    has_coherent_pool: bool = False
    driver: DeviceDriver | None = None
    """Its driver, where it is known how that asks."""
    restricted: int | None = None
    """The entry that the driver core attaches as its restricted pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One region on its way to one device: what a device_init operation is given."""

    state: EarlyBoot
    entry: ReservedMem
    device: DeviceState
    memory: Sequence[MemblockRegion] = ()
    """memblock's list of RAM at the end of early boot, ascending."""


class RegionDriver(NamedTuple):
    """One region driver: for which compatible it stands, and its operations."""

    compatible: str
    name: str
    setup: Handler
    """node_init: takes the region (0) or refuses it (-errno; -ENODEV: not for me)."""
    built: Callable[[Profile], bool]
    """Whether this kernel contains it."""
    validate: Handler | None = None
    """node_validate: may veto a region before it is reserved (kernels with region_validate)."""
    fixup: Handler | None = None
    """node_fixup: told that the region is reserved (kernels with region_validate)."""
    device_init: Callable[[Binding], Attached] | None = None
    """Gives the region to a device; without it every device is refused with -EINVAL."""
    device_release: Callable[[Binding], None] | None = None
    """Takes the region from a device whose driver is unbound."""
    aligns: bool = False
    """A dynamic region that its validate accepts is aligned to what the page allocator needs."""
    is_users: bool = False
    """Not the kernel's: what depends on it is modelled."""

    def for_compatible(self, compatible: str) -> RegionDriver:
        """Return the same driver for another compatible: a region kind of one's own that works like a kernel's."""
        return self._replace(compatible=compatible, is_users=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionDrivers:
    """A registry: never changed, `with_driver()` returns another one."""

    rows: tuple[RegionDriver, ...]
    """In link order."""

    def with_driver(self, driver: RegionDriver, *, first: bool = False) -> RegionDrivers:
        """Return a registry with one more driver, linked behind all others, or before them."""
        return RegionDrivers(rows=(driver, *self.rows) if first else (*self.rows, driver))

    def named(self, name: str) -> RegionDriver:
        """Return the first driver of this name. Raises: KeyError."""
        for driver in self.rows:
            if driver.name == name:
                return driver
        raise KeyError(name)

    def matching(self, profile: Profile, compatibles: Sequence[bytes]) -> Iterator[RegionDriver]:
        """Yield the drivers that this kernel contains and that know one of the names, given in lower case."""
        for driver in self.rows:
            if driver.compatible.lower().encode("utf-8", "surrogateescape") in compatibles and driver.built(
                profile
            ):
                yield driver
