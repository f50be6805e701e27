# SPDX-License-Identifier: Apache-2.0
"""What a log says about the machine itself: kernel, command line, RAM, page size, where things lie.

Source: the lines that early boot prints on arm64, arm, riscv64 and powerpc; recorded boots.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.errors import UnsupportedProfile
from carveout.kernel.release import parse_release
from carveout.observe.memblock_debug import MemblockReader
from carveout.span import KIB, Span

if TYPE_CHECKING:
    from carveout.observe.log_lines import Record

_BANNER = re.compile(r"Linux version (\d{1,3}\.\d{1,3}\S{0,200})(?: (.{0,2000}))?$")
_UNAME = re.compile(
    r"^Linux \S{1,200} (\d{1,3}\.\d{1,3}\S{0,200}) #\d+ .{0,200} (aarch64|arm\w+|riscv64|ppc64\w*)\b"
)
_COMMAND_LINE = re.compile(r"(?:^|: )Kernel command line: ?(.*)$")
_MODEL = re.compile(r"Machine model: (.{1,400})$")
_ORDER = re.compile(r"\(order: (\d{1,2}), (\d{1,12}) bytes")
_NODE = re.compile(r"^\s{0,20}node\s{1,8}\d{1,6}: \[mem (0x[0-9a-f]{1,16})-(0x[0-9a-f]{1,16})\]")
_ZONE = re.compile(
    r"^\s{0,20}(DMA32|DMA|Normal|HighMem|Movable|Device)\s+(empty|\[mem (0x[0-9a-f]{1,16})-(0x[0-9a-f]{1,16})\])"
)
_MEMORY = re.compile(r"^Memory: (\d{1,12})[Kk]/(\d{1,12})[Kk] available \((.{0,2000})\)")
_PART = re.compile(r"(\d{1,12})[Kk] ([a-z][a-z -]{0,30})")
_E820 = re.compile(r"e820: \[mem (0x[0-9a-f]{1,16})-(0x[0-9a-f]{1,16})\] (usable|reserved)")
_RAMDISK = re.compile(
    r"(?:RAMDISK: \[mem (0x[0-9a-f]{1,16})-(0x[0-9a-f]{1,16})\]|Initial ramdisk at: (0x[0-9a-f]{1,16}) \((\d{1,12}) bytes\))"
)
_EFI = re.compile(r"\befi: ")
_NO_EFI = re.compile(r"efi: (?:UEFI not found|Getting (?:UEFI|EFI) parameters from FDT: ?$)")
_PANIC = re.compile(r"Kernel panic - not syncing: (.{0,400})$")
_DROPPED = re.compile(r"\*\* (\d{1,9}) printk messages dropped")
_ARCHES = (
    ("arm64", re.compile(r"Booting Linux on physical CPU 0x[0-9a-f]+ \[|aarch64|\barm64\b|AArch64")),
    ("arm", re.compile(r"CPU: ARMv\d|arm-[\w-]*(?:eabi|gnueabi)|armv[5-7]")),
    ("riscv64", re.compile(r"riscv64|SBI specification v|riscv: (?:base )?ISA|RISC-V")),
    ("powerpc64", re.compile(r"powerpc64|ppc64")),
)
_MOST_RANGES = 4096
_MOST_EFI = 4096
_MOST_SIZES = 64
# Lines of level info and below that every boot prints once the regions and the default area are settled.
_AFTER = ("Zone ranges:", "Movable zone start", "Early memory node ranges", "Memory: ", "Built ")


class MachineReader:
    """Takes the records of one boot and keeps what they say about the machine."""

    def __init__(self) -> None:
        self.release: str | None = None
        self.banner_line = 0
        self.cmdline: str | None = None
        self.model: str | None = None
        self.ranges: list[Span] = []
        """RAM, as `Early memory node ranges` has it."""
        self.zones: dict[str, Span | None] = {}
        self.memory_line: dict[str, int] = {}
        """KiB by name: `available`, `total`, `cma-reserved`, ..."""
        self.e820: list[Span] = []
        self.initrd: Span | None = None
        self.is_efi = False
        self.efi_lines: list[str] = []
        self.panic: str | None = None
        self.dropped = 0
        self.memblock = MemblockReader()
        self.is_past_regions = False
        """A line was seen that the kernel prints after the regions and the default area."""
        self.last_time: float | None = None
        self._arch: str | None = None
        self._page_sizes: dict[int, int] = {}

    def feed(self, record: Record) -> bool:
        """Take one record; return whether it was about the machine and nothing else."""
        text = record.text
        if record.time is not None:
            self.last_time = record.time
        if self.memblock.feed(text):
            return True
        self._stage(text)
        return self._kernel(record) or self._memory(text) or self._firmware(text)

    @property
    def arch(self) -> str | None:
        """The name carveout has for the architecture, where a line tells it."""
        if self.release is not None:
            try:
                named = parse_release(self.release).arch
            except UnsupportedProfile:
                named = None
            if named is not None:
                return named
        return self._arch

    @property
    def page_size(self) -> int | None:
        """Bytes: what `(order: N, BYTES bytes` of the hash tables say, where all agree."""
        return next(iter(self._page_sizes)) if len(self._page_sizes) == 1 else None

    @property
    def ram(self) -> tuple[Span, ...]:
        """RAM as the kernel had it when it made its zones: neighbours joined, ascending."""
        joined: list[Span] = []
        for span in sorted(self.ranges):
            if joined and span.start <= joined[-1].end:
                joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
            else:
                joined.append(span)
        return tuple(joined)

    def _stage(self, text: str) -> None:
        if not self.is_past_regions and text.lstrip().startswith(_AFTER):
            self.is_past_regions = True

    def _kernel(self, record: Record) -> bool:
        text = record.text
        if self._arch is None:
            self._arch = next((arch for arch, expression in _ARCHES if expression.search(text)), None)
        if (match := _BANNER.search(text)) is not None:
            if self.release is None:
                self.release, self.banner_line = match[1], record.number
            return True
        if (match := _UNAME.match(text)) is not None:
            self.release = self.release or match[1]
            return True
        if (match := _COMMAND_LINE.search(text)) is not None:
            self.cmdline = match[1].strip()
            return True
        if (match := _MODEL.search(text)) is not None:
            self.model = match[1].strip()
            return True
        if (match := _PANIC.search(text)) is not None and "end Kernel panic" not in text:
            self.panic = self.panic or match[1].strip()
            return True
        if (match := _DROPPED.search(text)) is not None:
            self.dropped += int(match[1])
            return True
        return False

    def _memory(self, text: str) -> bool:
        if (match := _ORDER.search(text)) is not None:
            size = int(match[2]) >> int(match[1])
            if size in (4 * KIB, 16 * KIB, 64 * KIB) and len(self._page_sizes) < _MOST_SIZES:
                self._page_sizes[size] = self._page_sizes.get(size, 0) + 1
            return True
        if (match := _NODE.match(text)) is not None:
            _keep(self.ranges, match[1], match[2])
            return True
        if (match := _ZONE.match(text)) is not None:
            self.zones[match[1]] = (
                None if match[2] == "empty" else Span(int(match[3], 16), int(match[4], 16) + 1)
            )
            return True
        if (match := _MEMORY.match(text)) is not None:
            self.memory_line = {"available": int(match[1]), "total": int(match[2])}
            self.memory_line |= {name.strip(): int(size) for size, name in _PART.findall(match[3])}
            return True
        if (match := _E820.search(text)) is not None:
            if match[3] == "usable":
                _keep(self.e820, match[1], match[2])
            return True
        return False

    def _firmware(self, text: str) -> bool:
        if (match := _RAMDISK.search(text)) is not None:
            if match[1] is not None:
                self.initrd = Span(int(match[1], 16), int(match[2], 16) + 1)
            else:
                self.initrd = Span.sized(int(match[3], 16), int(match[4]))
            return True
        if _EFI.search(text):
            if not _NO_EFI.search(text):
                self.is_efi = self.is_efi or "efi: EFI v" in text
                if len(self.efi_lines) < _MOST_EFI:
                    self.efi_lines.append(text)
            return True
        return False


def _keep(spans: list[Span], first: str, last: str) -> None:
    span = Span(int(first, 16), int(last, 16) + 1)
    if span.size > 0 and len(spans) < _MOST_RANGES:
        spans.append(span)
