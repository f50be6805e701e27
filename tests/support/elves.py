# SPDX-License-Identifier: Apache-2.0
"""Small ELF files of firmware, written with struct alone, so that tests need no compiler and no linker."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ANY = 0xFFFF_FFFF
PT_LOAD, PT_NOTE = 1, 4
PF_X, PF_W, PF_R = 1, 2, 4
EM_ARM = 40
RPMSG = 7


class Load(NamedTuple):
    """A segment. filesz: None for what `data` has."""

    address: int
    memsz: int
    data: bytes = b"\0" * 16
    flags: int = PF_R | PF_X
    kind: int = PT_LOAD
    filesz: int | None = None


def carveout(name: str, da: int, size: int, *, pa: int = 0, flags: int = 0, reserved: int = 0) -> bytes:
    return struct.pack("<6I32s", 0, da, pa, size, flags, reserved, name.encode())


def devmem(name: str, da: int, pa: int, size: int) -> bytes:
    return struct.pack("<6I32s", 1, da, pa, size, 0, 0, name.encode())


def trace(name: str, da: int, size: int) -> bytes:
    return struct.pack("<4I32s", 2, da, size, 0, name.encode())


def vdev(*vrings: tuple[int, int, int], device_id: int = RPMSG, config: bytes = b"") -> bytes:
    """vrings: (da, align, number of entries) each."""
    head = struct.pack("<6I4B", 3, device_id, 0, 1, 0, len(config), 0, len(vrings), 0, 0)
    return head + b"".join(struct.pack("<5I", da, align, n, 0, 0) for da, align, n in vrings) + config


def other(kind: int) -> bytes:
    return struct.pack("<2I", kind, 0)


def table(*entries: bytes, version: int = 1, reserved: int = 0) -> bytes:
    """Return a resource table, version 1 unless told otherwise."""
    at = 16 + 4 * len(entries)
    offsets = []
    for entry in entries:
        offsets.append(at)
        at += len(entry)
    head = struct.pack("<4I", version, len(entries), reserved, 0)
    return head + struct.pack(f"<{len(entries)}I", *offsets) + b"".join(entries)


def elf(
    loads: Sequence[Load],
    resource_table: bytes | None = None,
    *,
    table_at: int | None = None,
    entry: int | None = None,
    bits: int = 32,
    big_endian: bool = False,
    machine: int = EM_ARM,
) -> bytes:
    """Return an executable with these segments and, if given, a section `.resource_table`.

    table_at: the section's address; by default the start of the first segment, which then holds the table.
    """
    order = ">" if big_endian else "<"
    word = "I" if bits == 32 else "Q"
    eh_size, ph_size, sh_size = (52, 32, 40) if bits == 32 else (64, 56, 64)
    start = loads[0].address if loads else 0
    names = b"\0.shstrtab\0.resource_table\0"
    at = eh_size + ph_size * len(loads)
    body, headers = b"", b""
    for load in loads:
        filesz = len(load.data) if load.filesz is None else load.filesz
        if bits == 32:
            headers += struct.pack(
                order + "8I", load.kind, at, load.address, load.address, filesz, load.memsz, load.flags, 4
            )
        else:
            headers += struct.pack(
                order + "2I6Q", load.kind, load.flags, at, load.address, load.address, filesz, load.memsz, 4
            )
        body += load.data
        at += len(load.data)
    sections = [(0, 0, 0, 0, 0), (1, 3, 0, at, len(names))]
    body += names
    at += len(names)
    if resource_table is not None:
        sections.append((11, 1, start if table_at is None else table_at, at, len(resource_table)))
        body += resource_table
        at += len(resource_table)
    shdrs = b""
    for name, kind, address, offset, size in sections:
        if bits == 32:
            shdrs += struct.pack(order + "10I", name, kind, 0, address, offset, size, 0, 0, 1, 0)
        else:
            shdrs += struct.pack(order + "2I4Q2I2Q", name, kind, 0, address, offset, size, 0, 0, 1, 0)
    ident = b"\x7fELF" + bytes([1 if bits == 32 else 2, 2 if big_endian else 1, 1]) + bytes(9)
    head = ident + struct.pack(
        f"{order}2HI3{word}I6H", 2, machine, 1, start if entry is None else entry, eh_size, at, 0, eh_size, ph_size,
        len(loads), sh_size, len(sections), 1,
    )  # fmt: skip
    return head + headers + body + shdrs


def media_dsp() -> bytes:
    """The firmware of the example board's DSP: examples/media-dsp.elf."""
    return elf(
        [
            Load(0x5A00_0000, 0x4_0000, b"\x70\x47" * 64),
            Load(0x5A04_0000, 0x2_0000, b"data" * 8, PF_R | PF_W),
        ],
        table(
            carveout("dsp-image", 0x5A00_0000, 0x100_0000),
            trace("dsp-trace", 0x5A05_0000, 0x8000),
            vdev((0x5B00_0000, 4096, 256), (0x5B00_8000, 4096, 256)),
        ),
        table_at=0x5A04_0000,
    )


def media_dsp_faulty() -> bytes:
    """The same, made for another memory map: examples/media-dsp-old.elf."""
    return elf(
        [
            Load(0x5A00_0000, 0x110_0000, b"\x70\x47" * 64),
            Load(0x5C00_0000, 0x2_0000, b"data" * 8, PF_R | PF_W),
        ],
        table(
            carveout("dsp_heap", 0x5A80_0000, 0x10_0000),
            devmem("uart", 0x200_0000, 0x200_0000, 0x1000),
            vdev((0x5B00_0000, 4096, 1024), (0x5B00_4000, 4096, 512)),
        ),
        table_at=0x5C00_0000,
    )


def motion_rt() -> bytes:
    """The firmware of the controller's small core, linked where Linux 6.1 put it: examples/motion-rt.elf."""
    return elf(
        [
            Load(0x8F00_0000, 0x4_0000, b"\x70\x47" * 64),
            Load(0x8F04_0000, 0x2_0000, b"data" * 8, PF_R | PF_W),
        ],
        table(
            carveout("rt-image", 0x8F00_0000, 0x100_0000),
            trace("rt-trace", 0x8F05_0000, 0x8000),
            vdev((0x9000_0000, 4096, 256), (0x9000_8000, 4096, 256)),
        ),
        table_at=0x8F04_0000,
    )
