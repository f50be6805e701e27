# SPDX-License-Identifier: Apache-2.0
"""A firmware's ELF file → Firmware: headers only, each read where it says it is and no further than the file goes.

pyelftools knows the layouts; which headers are read, and how many, is decided here, so that a damaged file costs no
more than a good one. What a kernel would refuse is noted in `faults`; what cannot be read at all is a FirmwareError.

Source: rproc_elf_sanity_check(), rproc_elf_load_segments(), find_table(), drivers/remoteproc/remoteproc_elf_loader.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carveout.amp.model import Firmware, Section, Segment
from carveout.errors import FirmwareError, ToolMissing
from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"\x7fELF"
_BITS = {1: 32, 2: 64}
"""By EI_CLASS."""
_SMALLEST = 52
"""Bytes of a 32-bit header."""
_MOST_SEGMENTS = 1024
_MOST_SECTIONS = 65_535
_TABLE = b".resource_table"
_LARGEST_TABLE = 1 << 20
_ADDRESS_END = 1 << 64


def read_firmware(data: bytes, *, name: str) -> Firmware:
    """Return what a firmware file says about memory. Raises: FirmwareError, ToolMissing."""
    if not data.startswith(_MAGIC):
        raise FirmwareError(
            f"is no ELF file: begins with {data[:4].hex(' ') or 'nothing'}, expected 7f 45 4c 46"
        )
    if len(data) < _SMALLEST:
        raise FirmwareError(f"has {len(data)} bytes, too few for an ELF header")
    file = _Headers(data)
    faults: list[str] = []
    if not file.is_little_endian:
        faults.append("it is big-endian ('Unsupported firmware endianness')")
    segments = tuple(file.segments(faults))
    return Firmware(
        name=name,
        size=len(data),
        bits=file.bits,
        is_little_endian=file.is_little_endian,
        machine=str(file.header["e_machine"]),
        entry=int(file.header["e_entry"]),
        segments=segments,
        table=file.table(faults),
        faults=tuple(faults),
    )


class _Headers:
    # One ELF file, read through pyelftools' layouts.
    def __init__(self, data: bytes) -> None:
        try:
            from elftools.elf.structs import ELFStructs
        except ImportError as error:
            raise ToolMissing("reading firmware needs pyelftools: pip install 'carveout[amp]'") from error
        self._data = data
        if data[4] not in _BITS or data[5] not in (1, 2):
            raise FirmwareError(
                f"its class is {data[4]} and its byte order {data[5]}, expected 1 or 2 for each: no header can be read"
            )
        self.bits = _BITS[data[4]]
        self.is_little_endian = data[5] == 1
        self._structs = ELFStructs(little_endian=self.is_little_endian, elfclass=self.bits)
        self._structs.create_basic_structs()
        self.header: Any = self._read("Elf_Ehdr", 0, "its ELF header")
        self._structs.create_advanced_structs(
            self.header["e_type"], self.header["e_machine"], self.header["e_ident"]["EI_OSABI"]
        )

    def _read(self, layout: str, at: int, what: str) -> Any:  # noqa: ANN401 pyelftools has no types
        struct = getattr(self._structs, layout)
        size = struct.sizeof()
        if at < 0 or at + size > len(self._data):
            raise FirmwareError(
                f"{what} at 0x{at:x} is behind the end of the file (0x{len(self._data):x} bytes)"
            )
        try:
            return struct.parse(self._data[at : at + size])
        except Exception as error:
            # The one place where another reader meets bytes from anyone; it documents no exceptions of its own.
            raise FirmwareError(f"{what} at 0x{at:x} cannot be read: {type(error).__name__}") from error

    def segments(self, faults: list[str]) -> Iterator[Segment]:
        count, start = int(self.header["e_phnum"]), int(self.header["e_phoff"])
        if count == 0:
            faults.append("it has no program headers ('No loadable segments')")
        if count > _MOST_SEGMENTS:
            raise FirmwareError(f"has {count} program headers, more than {_MOST_SEGMENTS}")
        size = self._structs.Elf_Phdr.sizeof()
        for index in range(count):
            header = self._read("Elf_Phdr", start + index * size, f"program header {index}")
            if header["p_type"] != "PT_LOAD" or not header["p_memsz"]:
                continue
            base, length = int(header["p_paddr"]), int(header["p_memsz"])
            if base + length > _ADDRESS_END:
                raise FirmwareError(f"program header {index} ends above the highest 64-bit address")
            yield Segment(
                number=index,
                span=Span.sized(base, length),
                file_size=int(header["p_filesz"]),
                offset=int(header["p_offset"]),
                flags=int(header["p_flags"]),
            )

    def table(self, faults: list[str]) -> Section | None:
        count, start = int(self.header["e_shnum"]), int(self.header["e_shoff"])
        size = self._structs.Elf_Shdr.sizeof()
        if count == 0:
            return None
        if start + count * size > len(self._data) or count > _MOST_SECTIONS:
            faults.append("its section headers are behind the end of the file ('Image is too small')")
            return None
        names_at = self._names(start, size, count)
        for index in range(count):
            header = self._read("Elf_Shdr", start + index * size, f"section header {index}")
            at = names_at + int(header["sh_name"])
            if self._data[at : at + len(_TABLE) + 1] == _TABLE + b"\0":
                return self._section(header, faults)
        return None

    def _names(self, start: int, size: int, count: int) -> int:
        index = int(self.header["e_shstrndx"])
        if index >= count:
            return len(self._data)
        return int(self._read("Elf_Shdr", start + index * size, "the section of names")["sh_offset"])

    def _section(self, header: Any, faults: list[str]) -> Section | None:  # noqa: ANN401
        at, length = int(header["sh_offset"]), int(header["sh_size"])
        if at + length > len(self._data) or length > _LARGEST_TABLE:
            faults.append("its .resource_table is behind the end of the file ('resource table truncated')")
            return None
        return Section(int(header["sh_addr"]), self._data[at : at + length])
