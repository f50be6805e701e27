# SPDX-License-Identifier: Apache-2.0
"""What devices get of reserved memory: plain values of a boot, by device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from carveout.boot.result import ConsumerResult, Exactness
from carveout.kernel.device_drivers import Way
from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from carveout.boot.result import Boot

ENODEV = 19


class IommuRange(NamedTuple):
    """One entry of `iommu-addresses` as it takes effect for a device."""

    region: str
    """Path of the region."""
    iova: int
    size: int
    kind: Literal["direct", "reserved"]
    """Mapped to the same physical addresses before the device is attached, or kept free of mappings."""
    log: tuple[str, ...] = ()
    """The warning that the kernel prints, less the name of driver and device in front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that has a `memory-region`, with what it gets."""

    path: str
    name: str
    """The kernel's name of the device, as in its log: `38300000.video-codec`."""
    compatible: tuple[str, ...]
    driver: str | None
    """The module of its driver, where it is known."""
    enabled: bool
    names: tuple[str, ...]
    """`memory-region-names`."""
    regions: tuple[ConsumerResult, ...]
    """By index."""
    iommu: tuple[IommuRange, ...] = ()

    @property
    def errno(self) -> int | None:
        """The errno of the first entry that its driver cannot do without; None: it gets all it asks for."""
        return next(
            (use.errno for use in self.regions if use.errno is not None and use.asks is not Way.DRIVER_CORE),
            None,
        )

    def by_index(self, index: int) -> ConsumerResult:
        """Return what the entry of this number gives: -ENODEV when there is none, as in the kernel."""
        if 0 <= index < len(self.regions):
            return self.regions[index]
        return self._missing(None, f"memory-region has {len(self.regions)} entries, no entry {index}")

    def by_name(self, name: str) -> ConsumerResult:
        """Return what the entry of this name gives; of two equal names the first counts.

        A name that memory-region-names does not have, or that has no entry, gives -ENODEV.
        """
        if name not in self.names:
            listed = ", ".join(self.names) or "nothing"
            return self._missing(name, f"memory-region-names has no {name!r}; it has {listed}")
        index = self.names.index(name)
        if index < len(self.regions):
            return self.regions[index]
        return self._missing(
            name, f"{name!r} is name {index}, and memory-region has {len(self.regions)} entries"
        )

    def _missing(self, name: str | None, message: str) -> ConsumerResult:
        return ConsumerResult(
            path=self.path,
            index=-1,
            name=name,
            region=None,
            errno=ENODEV,
            message=message,
            bound_by=None,
            enabled=self.enabled,
            driver=self.driver,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionDeviceResult:
    """A platform device that the kernel makes of a region itself."""

    path: str
    """Of the region."""
    name: str
    """The kernel's name of the device: `5a000000.ramoops`."""
    compatible: str
    driver: str
    """The module of its driver."""
    asks: Way
    base: int | None
    """The place that the driver finds; None: it finds none."""
    size: int | None
    errno: int | None
    """Positive errno with which the driver gives up; None: it has its memory."""
    message: str | None
    exactness: Exactness
    why: str
    log: tuple[str, ...] = ()
    """The lines its driver prints when it gives up, less the name of driver and device in front."""


def device_of(boot: Boot, path: str) -> Device:
    """Return the device of a path. Raises: LookupError when no device there has a memory-region."""
    for device in boot.devices:
        if device.path == path:
            return device
    wanted = _without_addresses(path)
    near = [device.path for device in boot.devices if _without_addresses(device.path) == wanted]
    also = f"; there is {near[0]}" if near else ""
    raise LookupError(f"{path}: no device of this tree has a memory-region there{also}")


def _without_addresses(path: str) -> str:
    return "/".join(part.partition("@")[0] for part in path.rstrip("/").split("/"))
