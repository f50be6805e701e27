# SPDX-License-Identifier: Apache-2.0
"""The EFI memory map, read from text: what the kernel prints with `efi=debug`, or a log that holds it.

Lines may carry time stamps and log levels in front; lines about other things are passed over. Both forms the
kernels print are read: `0xSTART-0xLAST [TYPE|ATTRIBUTES]`, and the older `memNN: [TYPE|ATTRIBUTES]
range=[0xSTART-0xEND)`. Addresses and sizes are in bytes.
Source: kernel-semantics 6.5; the recorded EFI boots.
"""

from __future__ import annotations

import re
from functools import lru_cache

from carveout.errors import EfiMapError
from carveout.span import Span
from carveout.values import NamedTuple

EFI_PAGE = 4096
_ATTRIBUTE_BITS = {
    0x1: "UC", 0x2: "WC", 0x4: "WT", 0x8: "WB", 0x10: "UCE", 0x1000: "WP", 0x2000: "RP", 0x4000: "XP",
    0x8000: "NV", 0x10000: "MR", 0x20000: "RO", 0x40000: "SP", 0x80000: "CC", 1 << 63: "RUN",
}  # fmt: skip
# The names of the types as newer kernels print them; older kernels have longer ones for some.
_LONG_NAMES = {
    "conventional memory": "Conventional",
    "unusable memory": "Unusable",
    "acpi reclaim memory": "ACPI Reclaim",
    "acpi memory nvs": "ACPI Mem NVS",
    "memory mapped i/o": "MMIO",
    "mmio port space": "MMIO Port",
    "persistent memory": "Persistent",
}
_ENTRY = re.compile(r"(?:^|[\s:])0x([0-9a-f]+)-0x([0-9a-f]+)[*!]?\s+\[([^|\]]+)\|([^\]]*)\]", re.IGNORECASE)
_OLD_ENTRY = re.compile(
    r"mem\d+:\s*\[([^|\]]+)\|([^\]]*)\]\s*range=\[0x([0-9a-f]+)-0x([0-9a-f]+)([\])])", re.IGNORECASE
)
_BROKEN = re.compile(r"efi:\s+(?:mem\d+:\s*)?(?:0x[0-9a-f]+-|\[)", re.IGNORECASE)
_BEGIN = "Processing EFI memory map"
_MEMATTR = re.compile(r"memattr:\s+0x[0-9a-f]+-0x[0-9a-f]+", re.IGNORECASE)
_FACT = re.compile(r"MemMap (Address|Size|Desc\. Size)\s*:\s*(?:0x)?([0-9a-f]+)", re.IGNORECASE)
_TABLE_LINE = re.compile(r"efi:((?:\s+[A-Za-z][\w .]*=0x[0-9a-f]+)+)\s*$", re.IGNORECASE)
_TABLE = re.compile(r"([A-Za-z][\w .]*?)=0x([0-9a-f]+)", re.IGNORECASE)


class EfiEntry(NamedTuple):
    """One descriptor of the map."""

    base: int
    size: int
    type: str
    """As newer kernels print it: `Conventional`, `Runtime Code`, …"""
    attributes: frozenset[str]
    """`WB`, `RUN`, `SP`, …"""

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.base + self.size


class EfiMap(NamedTuple):
    """What a log says about the EFI memory map and the tables beside it."""

    entries: tuple[EfiEntry, ...]
    """In the order of the log."""
    place: Span | None
    """Where the map itself lies; None: the text does not say."""
    descriptors: int | None
    """How many entries the firmware's map has; None: the text does not say."""
    tables: tuple[tuple[str, int], ...] | None
    """(name, address) of the configuration tables; None: the text does not say."""
    memattr_entries: int
    """Lines of the memory attributes table that were printed."""

    def table(self, name: str) -> int | None:
        """Return the address of a configuration table, or None."""
        return next((address for known, address in self.tables or () if known == name), None)


@lru_cache(maxsize=16)
def parse_efi_map(text: str) -> EfiMap:
    """Read a map. Raises EfiMapError when there is none, or more than one, or a line of it is damaged."""
    maps: list[list[EfiEntry]] = [[]]
    facts: dict[str, int] = {}
    tables: tuple[tuple[str, int], ...] | None = None
    memattr = 0
    for number, line in enumerate(text.splitlines(), 1):
        if _BEGIN in line:
            if maps[-1]:
                maps.append([])
        elif _MEMATTR.search(line):
            memattr += len(maps) == 1
        elif (entry := _entry(line, number)) is not None:
            maps[-1].append(entry)
        elif (fact := _FACT.search(line)) is not None:
            facts.setdefault(fact[1].lower(), int(fact[2], 16))
        elif tables is None and (found := _TABLE_LINE.search(line)) is not None:
            tables = tuple((t[1].strip(), int(t[2], 16)) for t in _TABLE.finditer(found[1]))
    entries = _only(maps)
    return EfiMap(
        entries=entries,
        place=_place(facts),
        descriptors=_descriptors(facts),
        tables=tables,
        memattr_entries=memattr,
    )


def _only(maps: list[list[EfiEntry]]) -> tuple[EfiEntry, ...]:
    found = [tuple(entries) for entries in maps if entries]
    if not found:
        raise EfiMapError("there is no EFI memory map in it: boot with efi=debug and give the kernel's log")
    if any(entries != found[0] for entries in found):
        raise EfiMapError(f"it holds {len(found)} different EFI memory maps: give the log of one boot")
    return found[0]


def _entry(line: str, number: int) -> EfiEntry | None:
    # The descriptor in a line; None if the line is about something else.
    match = _ENTRY.search(line)
    if match is not None:
        start, last, kind, attributes = int(match[1], 16), int(match[2], 16), match[3], match[4]
    else:
        match = _OLD_ENTRY.search(line)
        if match is None:
            if _BROKEN.search(line):
                raise EfiMapError("a line of the EFI memory map is not whole", line=number)
            return None
        kind, attributes, start, last = match[1], match[2], int(match[3], 16), int(match[4], 16)
        if match[5] == ")":
            last -= 1
    if last <= start or start % EFI_PAGE or (last + 1) % EFI_PAGE or last >> 64:
        raise EfiMapError(
            f"0x{start:x}-0x{last:x} is no range of whole 4 KiB pages: expected first and last address",
            line=number,
        )
    name = " ".join(kind.split())
    return EfiEntry(start, last + 1 - start, _LONG_NAMES.get(name.lower(), name), _attributes(attributes))


def _attributes(text: str) -> frozenset[str]:
    words = [word.strip() for word in text.split("|")]
    if len(words) == 1 and words[0].startswith("attr=0x"):
        try:
            bits = int(words[0][5:], 16)
        except ValueError:
            return frozenset()
        return frozenset(name for bit, name in _ATTRIBUTE_BITS.items() if bits & bit)
    return frozenset(word.upper() for word in words if word)


def _place(facts: dict[str, int]) -> Span | None:
    if "address" not in facts or "size" not in facts:
        return None
    return Span.sized(facts["address"], facts["size"])


def _descriptors(facts: dict[str, int]) -> int | None:
    if "size" not in facts or not facts.get("desc. size"):
        return None
    return facts["size"] // facts["desc. size"]
