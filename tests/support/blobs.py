# SPDX-License-Identifier: Apache-2.0
"""Blobs put together word by word for tests, by other means than carveout's own writer."""

from __future__ import annotations

import struct

BEGIN, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9
HEADER_FIELDS = (
    "magic",
    "totalsize",
    "off_dt_struct",
    "off_dt_strings",
    "off_mem_rsvmap",
    "version",
    "last_comp_version",
    "boot_cpuid_phys",
    "size_dt_strings",
    "size_dt_struct",
)
CLOSED_MAP = bytes(16)
STRINGS = b"compatible\0reg\0status\0"


def words(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def begin(name: bytes = b"") -> bytes:
    raw = name + b"\0"
    return words(BEGIN) + raw + bytes(-len(raw) % 4)


def prop(name_offset: int, value: bytes = b"") -> bytes:
    return words(PROP, len(value), name_offset) + value + bytes(-len(value) % 4)


def close() -> bytes:
    return words(END_NODE)


def end() -> bytes:
    return words(END)


EMPTY_ROOT = begin() + close() + end()


def blob(
    structure: bytes = EMPTY_ROOT,
    *,
    strings: bytes = STRINGS,
    reserve: bytes = CLOSED_MAP,
    tail: bytes = b"",
    **fields: int,
) -> bytes:
    """Lay header, reserve map, structure, strings and tail one behind the other; `fields` override the header."""
    off_struct = 40 + len(reserve)
    header = {
        "magic": 0xD00DFEED,
        "totalsize": off_struct + len(structure) + len(strings) + len(tail),
        "off_dt_struct": off_struct,
        "off_dt_strings": off_struct + len(structure),
        "off_mem_rsvmap": 40,
        "version": 17,
        "last_comp_version": 16,
        "boot_cpuid_phys": 0,
        "size_dt_strings": len(strings),
        "size_dt_struct": len(structure),
    }
    header.update(fields)
    return words(*(header[field] for field in HEADER_FIELDS)) + reserve + structure + strings + tail


def small_tree() -> bytes:
    """Make a tree with most things in it: properties, NOPs, nesting, duplicates, a reserve map, padding.

    Structure block at 0x58 (two reserve entries). strings: compatible 0, reg 11, status 15, phandle 22.
    """
    structure = (
        begin()
        + prop(0, b"vendor,board\0vendor,soc\0")
        + words(NOP)
        + prop(15, b"okay\0")
        + begin(b"soc@0")
        + prop(22, words(7))
        + begin(b"uart@1000")
        + prop(11, words(0x1000, 0x100))
        + close()
        + words(NOP)
        + begin(b"uart@2000")
        + prop(11, words(0, 0x2000))
        + close()
        + close()
        + begin(b"twin")
        + prop(15, b"first\0")
        + prop(15, b"second\0")
        + close()
        + begin(b"twin")
        + close()
        + words(NOP)
        + close()
        + end()
    )
    reserve = struct.pack(">6Q", 0x8000_0000, 0x1000, 0x9000_0000, 0, 0, 0)
    return blob(structure, strings=STRINGS + b"phandle\0", reserve=reserve, tail=bytes(12))
