# SPDX-License-Identifier: Apache-2.0
"""A log as facts: what each boot in it says about memory, what failed later, and what was not understood.

A log is read as a stream and once. Memory is bounded: of a boot that says more than any boot does, the rest is
counted. Of a log with several boots one is kept, the last that says anything, or the one asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.observe.log_failures import Failure, FailureKind, find_failure
from carveout.observe.log_lines import LineCounter, Record, records
from carveout.observe.log_machine import MachineReader
from carveout.observe.log_messages import Said, find, with_names
from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.observe.memblock_debug import Dump, Op
    from carveout.span import Span

MOST_SAID = 20_000
"""Messages about memory kept of one boot; a tree of 10,000 regions makes one each."""
MOST_FAILURES = 2_000
MOST_SAMPLES = 20
"""Lines shown of those that were not understood."""
MOST_BOOTS = 10_000

# A line that has one of these is about our subject, and is counted when it is not understood.
_SUBJECT = re.compile(
    r"[Rr]eserved[ _-]mem|memory-region|OVERLAP DETECTED|0x[0-9a-f]{4,16}\.\.0x[0-9a-f]{4,16} \(|overlaps(?: with|$)|\bcma: |\bcma_\w+:|\bCMA\b|memblock|rmem\b"
    r"|OF\s{0,8}: ?fdt|defined regions|carveout"
)
# Lines about it that say nothing more than others do.
_OTHER = re.compile(
    r"number of available pages|^Memory: |Cma(?:Total|Free)|alloc_contig_range: \[|Unknown kernel command line|Kernel command"
    r"|^(?:pc|lr) : |^ *\w+\+0x[0-9a-f]+/0x[0-9a-f]+\b"  # registers and a call trace
    r"|Machine model|Error: Driver|^\s*cma_|nr_free_cma|^memblock_|initialize[sd]? CMA|CMA heap|^OF: fdt: (?:No|Reading|earlycon|Error|Translat|search)"
)
_BEGINS = re.compile(
    r"^-- (?:Re)?[Bb]oot\b|Booting Linux on physical CPU|U-Boot (?:SPL )?\d{4}\.\d\d|OpenSBI v\d"
)
_JOINED = re.compile(r"(?<=.)(?=OF: (?:fdt|reserved mem): |Reserved memory: created |cma: Reserved )")
_EARLY = re.compile(r"OF\s{0,8}: ?(?:fdt|reserved mem)\s?:|Reserved memory: ")
"""How messages of early boot begin: they are no device's."""
_PREFIX_ALONE = re.compile(r"OF: (?:fdt|reserved mem): $")
# So late a banner is no boot: somebody has printed /proc/version.
_LATE = 30.0


class BootSeen(NamedTuple):
    """One boot in a log that holds several."""

    number: int
    line: int
    release: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BootLog:
    """What a log says of one boot."""

    number: int
    """Which boot of the log, from 1."""
    first_line: int
    said: tuple[Said, ...]
    """Messages about memory, in order."""
    failures: tuple[Failure, ...]
    missed: tuple[Record, ...]
    """Samples of the lines about the subject that were not understood."""
    missed_count: int
    left_out: int
    """Messages beyond what is kept."""
    release: str | None
    arch: str | None
    page_size: int | None
    cmdline: str | None
    model: str | None
    ram: tuple[Span, ...]
    e820: tuple[Span, ...]
    zones: dict[str, Span | None]
    memory_line: dict[str, int]
    initrd: Span | None
    is_efi: bool
    efi_text: str
    panic: str | None
    dropped: int
    """Messages that the kernel says it has dropped."""
    ops: tuple[Op, ...]
    dump: Dump | None
    """The last dump of memblock's lists."""
    first_dump: Dump | None
    """The first, where there are several."""
    has_start: bool
    """The log has the kernel's first lines."""
    is_past_regions: bool
    """The log goes on beyond the point where regions and default area are settled."""
    last_time: float | None

    @property
    def covers_regions(self) -> bool:
        """Whether a message about regions that is not in the log was not printed, or was filtered."""
        return self.has_start and (self.is_past_regions or self.panic is not None) and not self.dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log that was read."""

    boot: BootLog
    """The boot that was chosen."""
    boots: tuple[BootSeen, ...]
    lines: int
    bytes: int
    cut_lines: int


def read_log(blocks: Iterable[bytes], *, boot: int | None = None) -> Log:
    """Read a log from blocks of bytes. boot: which boot of it, from 1; by default the last that says anything."""
    counter = LineCounter()
    reader = _LogReader(boot)
    for record in records(blocks, counter):
        reader.feed(record)
    chosen = reader.finish()
    return Log(
        boot=chosen,
        boots=tuple(reader.boots),
        lines=counter.lines,
        bytes=counter.bytes,
        cut_lines=counter.cut,
    )


class _LogReader:
    # Divides the log into boots.

    def __init__(self, wanted: int | None) -> None:
        self.boots: list[BootSeen] = []
        self._wanted = wanted
        self._count = 1
        self._current = _BootReader(1, 1)
        self._kept: BootLog | None = None

    def feed(self, record: Record) -> None:
        if self._begins(record):
            self._close()
            self._count += 1
            self._current = _BootReader(self._count, record.number)
        self._current.feed(record)

    def _begins(self, record: Record) -> bool:
        current = self._current
        if current.is_empty:
            return False
        text = record.text
        if "Linux version " in text:
            if record.time is not None and record.time > _LATE:
                return False
            if not (text.startswith("Linux version ") or record.is_headed or record.time is not None):
                return False
            return current.machine.banner_line > 0
        return _BEGINS.search(text) is not None and current.has_kernel

    def _close(self) -> None:
        reader = self._current
        if reader.is_empty:
            self._count -= 1
            return
        if len(self.boots) < MOST_BOOTS:
            self.boots.append(BootSeen(reader.number, reader.first_line, reader.machine.release))
        wanted = reader.number == self._wanted if self._wanted is not None else reader.says_something
        if wanted or self._kept is None:
            self._kept = reader.finish()

    def finish(self) -> BootLog:
        self._close()
        return self._kept if self._kept is not None else self._current.finish()


class _BootReader:
    # Gathers what the records of one boot say.

    def __init__(self, number: int, first_line: int) -> None:
        self.number = number
        self.first_line = first_line
        self.machine = MachineReader()
        self.is_empty = True
        self.has_kernel = False
        self._said: list[Said] = []
        self._failures: list[Failure] = []
        self._failed: set[tuple[object, ...]] = set()
        self._missed: list[Record] = []
        self._missed_count = 0
        self._left_out = 0
        self._broken: Record | None = None
        self._has_start = False

    @property
    def says_something(self) -> bool:
        return bool(self._said) or self.machine.memblock.has_dump or bool(self.machine.ranges)

    def feed(self, record: Record) -> None:
        self.is_empty = self.is_empty and not record.text.strip()
        pieces = _JOINED.split(record.text)
        if len(pieces) > 1:
            pieces = _whole(pieces)
        for piece in pieces:
            self._feed(record if len(pieces) == 1 else record._replace(text=piece))

    def _feed(self, record: Record) -> None:
        text = record.text
        if "Booting Linux on" in text or "Linux version " in text:
            self._has_start = self.has_kernel = True
        broken, self._broken = self._broken, None
        said = find(text, line=record.number, time=record.time, is_headed=record.is_headed)
        if said is None and broken is not None:
            said = self._mended(broken, record)
        if said is not None:
            self.has_kernel = self.has_kernel or said.family != "loader-failed"
            self._keep(said)
            return
        if broken is not None:
            self._miss(broken)
        if self.machine.feed(record):
            return
        failure = find_failure(record)
        if failure is not None and not (failure.kind is FailureKind.REGION and _EARLY.match(text)):
            self._fail(failure)
        elif _SUBJECT.search(text) and not _OTHER.search(text):
            self._broken = record

    def _mended(self, broken: Record, record: Record) -> Said | None:
        # A terminal, or another writer, has broken a message over two lines; a space at the border is lost.
        for between in ("", " "):
            text = f"{broken.text}{between}{record.text}"
            said = find(text, line=broken.number, time=broken.time, is_headed=broken.is_headed)
            if said is not None:
                return said
        return None

    def _keep(self, said: Said) -> None:
        if len(self._said) < MOST_SAID:
            self._said.append(said)
        else:
            self._left_out += 1

    def _fail(self, failure: Failure) -> None:
        key = (failure.kind, failure.device, failure.area, failure.errno, failure.pages, failure.span)
        if key in self._failed and failure.kind.value in (
            "cma-alloc",
            "bounce-buffer",
            "pages",
            "allocation",
        ):
            return
        self._failed.add(key)
        if len(self._failures) < MOST_FAILURES:
            self._failures.append(failure)
        else:
            self._left_out += 1

    def _miss(self, record: Record) -> None:
        self._missed_count += 1
        if len(self._missed) < MOST_SAMPLES:
            self._missed.append(record)

    def finish(self) -> BootLog:
        if self._broken is not None:
            self._miss(self._broken)
            self._broken = None
        machine = self.machine
        return BootLog(
            number=self.number,
            first_line=self.first_line,
            said=with_names(self._said),
            failures=tuple(self._failures),
            missed=tuple(self._missed),
            missed_count=self._missed_count,
            left_out=self._left_out,
            release=machine.release,
            arch=machine.arch,
            page_size=machine.page_size,
            cmdline=machine.cmdline,
            model=machine.model,
            ram=machine.ram,
            e820=tuple(machine.e820),
            zones=machine.zones,
            memory_line=machine.memory_line,
            initrd=machine.initrd,
            is_efi=machine.is_efi,
            efi_text="\n".join(machine.efi_lines),
            panic=machine.panic,
            dropped=machine.dropped,
            ops=tuple(machine.memblock.finish()),
            dump=machine.memblock.dump,
            first_dump=machine.memblock.first_dump,
            has_start=self._has_start,
            is_past_regions=machine.is_past_regions,
            last_time=machine.last_time,
        )


def _whole(pieces: list[str]) -> list[str]:
    # `OF: reserved mem: ` before `Reserved memory: created` is a prefix, no message.
    out: list[str] = []
    for piece in pieces:
        if out and _PREFIX_ALONE.search(out[-1]):
            out[-1] += piece
        else:
            out.append(piece)
    return out
