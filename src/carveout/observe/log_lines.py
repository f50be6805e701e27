# SPDX-License-Identifier: Apache-2.0
"""A log, cut into records: kernel messages without what stands before them, from any size of input.

A log comes as dmesg with or without time stamps (also `dmesg -T` and `-x`), from the journal or syslog, from
logcat, or as the capture of a serial line with carriage returns, escape sequences, the loader's and user space's
text between, and records that share a line or are broken over two. Only lines that can matter are cut: a hundred
megabytes of others cost one search. Memory is bounded by the longest line that is kept.

Theory of operation. Bytes are taken in blocks and cut at line ends; a search for words finds the lines that can
matter. What stands before a kernel's message is taken off, and a line that holds several time stamps becomes
several records.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST = 4096
"""Bytes of a line that are looked at; a kernel's record has at most about 1,000."""

# Words one of which every line has that says something about the machine, its memory or a failure. A short list is
# searched many times faster than a long one.
_WORDS = (
    rb"mem|Mem|MEM|cma|CMA|Cma|OVERLAP|overlaps|Linux version|Booting Linux|ommand line|eserved|eserving|ail|rror|ERROR|"
    rb"panic|Machine model|order: |node|Node|DMA|Normal|crashkernel|elfcorehdr|initrd|INITRD|nitial ramdisk|"
    rb"swiotlb|IO TLB|carveout|depleted|remoteproc|ramoops|ARMv|AArch64|riscv|RISC-V|SBI|disabling|pageblock|"
    rb"CPU: |efi:|EFI|e820|not enough|too many|Boot|Ignoring|vmalloc|arveout|Machine: |Hardware name|PPC|OpenSBI|"
    rb"GNU/Linux|bad phdr|MiB|KiB|0x[0-9a-f]{6,16}\.\.|bin/dmesg|dropped"
)
_INTERESTING = re.compile(_WORDS)

_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)|[\x00-\x08\x0b-\x1f\x7f]"
)
_UPTIME = r"\[\s*(\d{1,9})\.(\d{1,9})\](?:\s?\[\s*[TC]\d{1,9}\])?"
_STAMP = re.compile(rf"(?:<\d{{1,3}}>)?{_UPTIME}[: ]?[ ]?")
_DATE_STAMP = re.compile(
    r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\](?:\s?\[\s*[TC]\d{1,9}\])? ?|"
    r"\[\s*\d{4}-\d\d-\d\dT[\d:.,]+(?:[+-]\d\d:?\d\d|Z)?\] ?"
)
_ISO_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.,]{8,20}(?:[+-]\d\d:?\d\d|Z)? ")
_SYSLOG = re.compile(r"^.{0,160}?\bkernel(?:\[\d{1,9}\])?: ")
_LEVEL = re.compile(r"^(?:kern|user|daemon)\s*:\s?(?:emerg|alert|crit|err|warn|notice|info|debug)\s*: ?")
_PRIORITY = re.compile(r"^<\d{1,3}>")
_LOGCAT = re.compile(r"^\d\d-\d\d \d\d:\d\d:\d\d\.\d+\s+\d+\s+\d+ [VDIWEF] ")
_LOGCAT_TAG = re.compile(r"^([\w .-]{1,24}?)\s+: ")
_STARS = "** "


class Record(NamedTuple):
    """One message, or a line of other text that holds a word of interest."""

    number: int
    """Line of the log, from 1."""
    text: str
    """Without what stands before the message."""
    time: float | None
    """Seconds since the kernel started, where a time stamp says it."""
    is_headed: bool
    """A head was recognized, so that all of `text` is the kernel's."""


class LineCounter:
    """How much was read; filled while the records are taken."""

    def __init__(self) -> None:
        self.lines = 0
        self.bytes = 0
        self.cut = 0
        """Lines longer than LONGEST, of which the rest was not looked at."""


def records(blocks: Iterable[bytes], counter: LineCounter | None = None) -> Iterator[Record]:
    """Cut blocks of bytes, of any size, into records."""
    counter = counter or LineCounter()
    for number, raw in _interesting_lines(_plain(blocks), counter):
        yield from cut(number, raw)


def cut(number: int, raw: bytes) -> Iterator[Record]:
    """Cut one line into its records."""
    text = raw[:LONGEST].decode("utf-8", errors="replace")
    if "\x1b" in text or not text.isprintable():
        text = _ANSI.sub("", text.replace("\t", " "))
    marks = list(_STAMP.finditer(text)) if "[" in text else []
    if not marks:
        yield _unstamped(number, text)
        return
    before = text[: marks[0].start()]
    if before.strip() and not _SYSLOG.match(before):
        # A capture begins with something else: whatever was on the line before the record.
        yield Record(number, before.strip(), None, is_headed=False)
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        end = len(text) if following is None else following.start()
        time = int(mark[1]) + int(mark[2]) / 10 ** len(mark[2])
        yield Record(number, _LEVEL.sub("", text[mark.end() : end].rstrip()), time, is_headed=True)


def _unstamped(number: int, text: str) -> Record:
    rest, headed = text, False
    for head in (_LOGCAT, _LEVEL, _DATE_STAMP, _SYSLOG, _ISO_STAMP, _PRIORITY, _DATE_STAMP):
        match = head.match(rest)
        if match is not None:
            headed = True
            rest = rest[match.end() :]
            if head is _LOGCAT:
                # logcat fills the tag, which the kernel's prefix became, with spaces.
                rest = _LOGCAT_TAG.sub(r"\1: ", rest)
    # The second line of a message may be indented to stand below the first.
    return Record(number, rest.rstrip(), None, is_headed=headed)


def _plain(blocks: Iterable[bytes]) -> Iterator[bytes]:
    # Captures made on Windows may be UTF-16; NULs come from lines that were off.
    decoder = None
    first = True
    for block in blocks:
        if first and block[:2] in (b"\xff\xfe", b"\xfe\xff"):
            from codecs import getincrementaldecoder  # only for such a capture

            decoder = getincrementaldecoder("utf-16")(errors="replace")
        first = first and not block
        yield block if decoder is None else decoder.decode(block).encode("utf-8", "replace")


def _interesting_lines(blocks: Iterable[bytes], counter: LineCounter) -> Iterator[tuple[int, bytes]]:
    rest = b""
    skipping = False
    for block in blocks:
        counter.bytes += len(block)
        data = _line_ends(rest + block)
        if skipping:
            # The end of a line that was too long.
            at = data.find(b"\n")
            if at < 0:
                rest = data[-1:] if data.endswith(b"\r") else b""
                continue
            data, skipping = data[at + 1 :], False
        whole, newline, rest = data.rpartition(b"\n")
        if newline:
            yield from _search(whole + newline, counter)
        if len(rest) > LONGEST:
            counter.cut += 1
            yield from _search(rest[:LONGEST] + b"\n", counter)
            rest, skipping = b"", True
    if rest.strip(b"\r"):
        yield from _search(rest.rstrip(b"\r") + b"\n", counter)


def _line_ends(data: bytes) -> bytes:
    # A carriage return at the very end may be half of a line end: it waits for the next block.
    if b"\r" not in data:
        return data
    tail = b"\r" if data.endswith(b"\r") else b""
    body = data[:-1] if tail else data
    if b"\r" in body:
        body = body.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return body + tail


def _search(data: bytes, counter: LineCounter) -> Iterator[tuple[int, bytes]]:
    # data: whole lines. Yields those with a word of interest, and the one after each: a message may go on there.
    number = counter.lines
    counted = at = 0
    size = len(data)
    while at < size:
        match = _INTERESTING.search(data, at)
        if match is None:
            break
        at = data.rfind(b"\n", at, match.start()) + 1 or at
        number += data.count(b"\n", counted, at)
        counted = at
        wanted = True
        while wanted and at < size:
            end = data.find(b"\n", at)
            line = data[at:end]
            if len(line) > LONGEST:
                counter.cut += 1
            yield number + 1, line
            wanted = _INTERESTING.search(line) is not None
            number += 1
            counted = at = end + 1
    counter.lines += data.count(b"\n")
