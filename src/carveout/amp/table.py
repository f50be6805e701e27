# SPDX-License-Identifier: Apache-2.0
"""The resource table of a firmware, version 1: carveouts, mappings, trace buffers, virtio devices with their rings.

Source: struct resource_table and the fw_rsc_* structures, include/linux/remoteproc.h; find_table(),
drivers/remoteproc/remoteproc_elf_loader.c; rproc_handle_resources(), rproc_handle_vdev(),
drivers/remoteproc/remoteproc_core.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANY = 0xFFFF_FFFF
"""FW_RSC_ADDR_ANY: the kernel chooses the address."""
MOST_VRINGS = 2
"""RVDEV_NUM_VRINGS: rings of one virtio device."""

_HEADER = struct.Struct("<4I")
_CARVEOUT = struct.Struct("<5I32s")
_DEVMEM = struct.Struct("<5I32s")
_TRACE = struct.Struct("<3I32s")
_VDEV = struct.Struct("<5I4B")
_VRING = struct.Struct("<5I")
_VENDOR = range(128, 513)
_MOST_ENTRIES = 1024


class Carveout(NamedTuple):
    """RSC_CARVEOUT: memory that the firmware asks for."""

    name: str
    da: int
    pa: int
    size: int
    flags: int


class Devmem(NamedTuple):
    """RSC_DEVMEM: a mapping of a device's registers that the firmware asks for."""

    name: str
    da: int
    pa: int
    size: int


class Trace(NamedTuple):
    """RSC_TRACE: a buffer of text for debugfs."""

    name: str
    da: int
    size: int


class Vring(NamedTuple):
    """One ring of a virtio device. number: entries."""

    da: int
    align: int
    number: int


class Vdev(NamedTuple):
    """RSC_VDEV: a virtio device. order: among the devices of this table."""

    order: int
    device_id: int
    vrings: tuple[Vring, ...]


class Other(NamedTuple):
    """An entry of a type that the core does not handle."""

    kind: int
    is_vendor: bool


Entry = Carveout | Devmem | Trace | Vdev | Other


class Table(NamedTuple):
    """What could be read of a table, and what stopped the reading."""

    entries: tuple[Entry, ...]
    fault: str | None
    """None, or what the kernel would refuse; entries before it are there."""


class _Broken(Exception):
    # The text says what is wrong.
    pass


def read_table(data: bytes) -> Table:
    """Return the entries of a table in its order. A fault is no exception: the kernel stops there, too."""
    entries: list[Entry] = []
    try:
        entries.extend(_entries(data))
    except _Broken as broken:
        return Table(tuple(entries), str(broken))
    return Table(tuple(entries), None)


def _entries(data: bytes) -> Iterator[Entry]:
    if len(data) < _HEADER.size:
        raise _Broken(
            f"it has {len(data)} bytes, its header alone {_HEADER.size} ('header-less resource table')"
        )
    version, count, *reserved = _HEADER.unpack_from(data)
    if version != 1:
        raise _Broken(f"its version is {version}, expected 1 ('unsupported fw ver')")
    if any(reserved):
        raise _Broken("its reserved words are not zero ('non zero reserved bytes')")
    if _HEADER.size + 4 * count > len(data):
        raise _Broken(
            f"{count} entries are announced, there is no room for their offsets ('resource table incomplete')"
        )
    if count > _MOST_ENTRIES:
        raise _Broken(f"{count} entries are announced, more than {_MOST_ENTRIES}")
    devices = 0
    for number, offset in enumerate(struct.unpack_from(f"<{count}I", data, _HEADER.size)):
        if offset + 4 > len(data):
            raise _Broken(f"entry {number} is at 0x{offset:x}, behind its end ('rsc table is truncated')")
        (kind,) = struct.unpack_from("<I", data, offset)
        entry = _READERS.get(kind, _other)(_Slice(data, offset + 4, f"entry {number}", kind, devices))
        devices += isinstance(entry, Vdev)
        yield entry


class _Slice(NamedTuple):
    # One entry of the table, behind its type.
    data: bytes
    at: int
    what: str
    kind: int
    devices: int

    def need(self, size: int) -> None:
        if self.at + size > len(self.data):
            raise _Broken(f"{self.what} is cut off: {len(self.data) - self.at} of {size} bytes")

    def zero(self, reserved: int) -> None:
        if reserved:
            raise _Broken(f"{self.what} has reserved bytes that are not zero")


def _carveout(entry: _Slice) -> Carveout:
    entry.need(_CARVEOUT.size)
    da, pa, size, flags, reserved, name = _CARVEOUT.unpack_from(entry.data, entry.at)
    entry.zero(reserved)
    return Carveout(_name(name), da, pa, size, flags)


def _devmem(entry: _Slice) -> Devmem:
    entry.need(_DEVMEM.size)
    da, pa, size, _flags, reserved, name = _DEVMEM.unpack_from(entry.data, entry.at)
    entry.zero(reserved)
    return Devmem(_name(name), da, pa, size)


def _trace(entry: _Slice) -> Trace:
    entry.need(_TRACE.size)
    da, size, reserved, name = _TRACE.unpack_from(entry.data, entry.at)
    entry.zero(reserved)
    return Trace(_name(name), da, size)


def _vdev(entry: _Slice) -> Vdev:
    entry.need(_VDEV.size)
    device_id, _notify, _dfeatures, _gfeatures, config, _status, count, first, second = _VDEV.unpack_from(
        entry.data, entry.at
    )
    entry.need(_VDEV.size + count * _VRING.size + config)
    entry.zero(first | second)
    rings = [_VRING.unpack_from(entry.data, entry.at + _VDEV.size + n * _VRING.size) for n in range(count)]
    return Vdev(
        entry.devices, device_id, tuple(Vring(da, align, number) for da, align, number, _, _ in rings)
    )


def _other(entry: _Slice) -> Other:
    return Other(entry.kind, entry.kind in _VENDOR)


_READERS: dict[int, Callable[[_Slice], Entry]] = {0: _carveout, 1: _devmem, 2: _trace, 3: _vdev}
"""RSC_CARVEOUT, RSC_DEVMEM, RSC_TRACE, RSC_VDEV."""


def _name(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("ascii", "backslashreplace")
