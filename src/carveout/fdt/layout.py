# SPDX-License-Identifier: Apache-2.0
"""Where the parts of a flattened device tree lie: the header, its checks, and the memory reservation block.

A blob is a header that names three blocks by offset: the memory reservation block (pairs of 64-bit words
up to a pair of zeros), the structure block (a stream of 32-bit words) and the strings block (names of
properties, each closed by a NUL). All numbers are big-endian.

Source: Devicetree Specification v0.4, chapter 5 (flattened devicetree format).
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct

from carveout.errors import DtbFormatError
from carveout.values import NamedTuple

FDT_MAGIC = 0xD00DFEED
FDT_BEGIN_NODE = 1
FDT_END_NODE = 2
FDT_PROP = 3
FDT_NOP = 4
FDT_END = 9

FIRST_READABLE_VERSION = 16
LAST_READABLE_VERSION = 17
HEADER_SIZE_V16 = 36
HEADER_SIZE_V17 = 40

MAX_TOTALSIZE = 16 << 20
"""Largest blob that is read, in bytes. Linux on arm64 maps at most 2 MiB; a FIT image can be far larger, and
reading it would take many times its size in memory for nothing."""

HEADER_V16 = Struct(">9I")
RESERVE_ENTRY = Struct(">QQ")
WORD = Struct(">I")


class Header(NamedTuple):
    """The header of a blob, as it stands in the file. Offsets and sizes are in bytes."""

    totalsize: int
    off_dt_struct: int
    off_dt_strings: int
    off_mem_rsvmap: int
    version: int
    last_comp_version: int
    boot_cpuid_phys: int
    size_dt_strings: int
    size_dt_struct: int | None
    """None in version 16, where the structure block runs up to its FDT_END."""

    @property
    def header_size(self) -> int:
        """Length of the header itself in bytes."""
        return HEADER_SIZE_V16 if self.size_dt_struct is None else HEADER_SIZE_V17


class ReserveEntry(NamedTuple):
    """One entry of the memory reservation block. offset: where the entry lies in the blob."""

    address: int
    size: int
    offset: int


def read_header(data: bytes, *, available: int) -> Header:
    """Return the checked header of a blob.

    data: the blob, or at least its first 40 bytes. available: length of the blob in bytes.
    The version is accepted when it is at least 16 and claims compatibility with 17 or older.

    Raises:
        DtbFormatError: with the offset of the header field at fault.
    """
    if len(data) < 4:
        raise DtbFormatError(f"{len(data)} bytes are too few for a device tree blob", offset=0)
    magic = WORD.unpack_from(data, 0)[0]
    if magic != FDT_MAGIC:
        raise DtbFormatError(
            f"magic is 0x{magic:08x}, expected 0x{FDT_MAGIC:08x}: not a device tree blob", offset=0
        )
    if len(data) < HEADER_SIZE_V16:
        raise DtbFormatError(f"the header is cut off after {len(data)} bytes", offset=len(data))
    (_, totalsize, off_struct, off_strings, off_rsvmap, version, last_comp, cpuid, size_strings) = (
        HEADER_V16.unpack_from(data, 0)
    )
    _check_version(version, last_comp)
    header_size = HEADER_SIZE_V16 if version == FIRST_READABLE_VERSION else HEADER_SIZE_V17
    if totalsize > available:
        raise DtbFormatError(f"totalsize is {totalsize} but only {available} bytes are there", offset=4)
    if totalsize > MAX_TOTALSIZE:
        raise DtbFormatError(
            f"totalsize is {totalsize}, more than the {MAX_TOTALSIZE} bytes of any device tree", offset=4
        )
    if totalsize < header_size:
        raise DtbFormatError(f"totalsize {totalsize} is less than the header's {header_size} bytes", offset=4)
    size_struct = WORD.unpack_from(data, 36)[0] if header_size == HEADER_SIZE_V17 else None
    header = Header(
        totalsize, off_struct, off_strings, off_rsvmap, version, last_comp, cpuid, size_strings, size_struct
    )
    _check_blocks(header)
    return header


def _check_version(version: int, last_comp_version: int) -> None:
    if version < FIRST_READABLE_VERSION:
        raise DtbFormatError(
            f"version {version} is older than {FIRST_READABLE_VERSION}, cannot be read", offset=20
        )
    if last_comp_version > LAST_READABLE_VERSION:
        raise DtbFormatError(
            f"last_comp_version is {last_comp_version}: the blob needs a reader newer than version"
            f" {LAST_READABLE_VERSION}",
            offset=24,
        )
    if last_comp_version > version:
        raise DtbFormatError(f"last_comp_version {last_comp_version} is above version {version}", offset=24)


def _check_blocks(header: Header) -> None:
    """Check alignment and bounds of the three blocks as far as the header tells their size."""
    if header.off_dt_struct % 4:
        raise DtbFormatError(f"off_dt_struct 0x{header.off_dt_struct:x} is not a multiple of 4", offset=8)
    if header.off_mem_rsvmap % 8:
        raise DtbFormatError(f"off_mem_rsvmap 0x{header.off_mem_rsvmap:x} is not a multiple of 8", offset=16)
    blocks = (
        ("structure", 8, header.off_dt_struct, header.size_dt_struct or 0),
        ("strings", 12, header.off_dt_strings, header.size_dt_strings),
        ("memory reservation", 16, header.off_mem_rsvmap, 0),
    )
    for name, field, start, size in blocks:
        if start < header.header_size:
            raise DtbFormatError(f"the {name} block at 0x{start:x} overlaps the header", offset=field)
        if start + size > header.totalsize:
            raise DtbFormatError(
                f"the {name} block 0x{start:x}..0x{start + size:x} ends past totalsize 0x{header.totalsize:x}",
                offset=field,
            )


def read_reserve_map(blob: bytes, header: Header) -> tuple[ReserveEntry, ...]:
    """Return the entries of the memory reservation block up to, without, the closing pair of zeros.

    Linux stops earlier, at the first entry of size 0; such entries are kept here.

    Raises:
        DtbFormatError: when the blob ends before the closing entry.
    """
    entries: list[ReserveEntry] = []
    at = header.off_mem_rsvmap
    unpack = RESERVE_ENTRY.unpack_from
    last = len(blob) - RESERVE_ENTRY.size
    while at <= last:
        address, size = unpack(blob, at)
        if not address and not size:
            return tuple(entries)
        entries.append(ReserveEntry(address, size, at))
        at += RESERVE_ENTRY.size
    raise DtbFormatError("the memory reservation block has no closing entry", offset=header.off_mem_rsvmap)


def check_overlaps(header: Header, *, reserve_entries: int, struct_end: int) -> None:
    """Check that the three blocks share no byte.

    reserve_entries: entries before the closing one. struct_end: offset after the structure block.

    Raises:
        DtbFormatError: with the offset of the later block of the two.
    """
    reserve_end = header.off_mem_rsvmap + RESERVE_ENTRY.size * (reserve_entries + 1)
    blocks = sorted(
        (
            (header.off_mem_rsvmap, reserve_end, "memory reservation"),
            (header.off_dt_struct, struct_end, "structure"),
            (header.off_dt_strings, header.off_dt_strings + header.size_dt_strings, "strings"),
        )
    )
    for (_, end, name), (start, later_end, later) in pairwise(blocks):
        if end > start and later_end > start:
            raise DtbFormatError(
                f"the {later} block begins inside the {name} block, which ends at 0x{end:x}", offset=start
            )
