# SPDX-License-Identifier: Apache-2.0
"""Lines about devices that fail for want of memory, long after early boot: who, what, which errno.

What a line is about is read from it, and nothing more; which region is behind it, observe/trace_back.py finds out.
Source: peers-and-users A.3 (what people paste when their driver fails); kernel-semantics 5.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.span import Span
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout.observe.log_lines import Record


class FailureKind(StrEnum):
    """What went wrong."""

    CMA = "cma-alloc"
    """A contiguous area could not give a run of pages."""
    REGION = "region"
    """A driver did not get its region."""
    PROBE = "probe"
    """A driver gave up a device with an errno."""
    ALLOCATION = "allocation"
    """A driver could not allocate a buffer."""
    REMOTEPROC = "remoteproc"
    """A remote processor was not started."""
    MAPPING = "mapping"
    """Addresses could not be mapped or claimed."""
    ATOMIC_POOL = "atomic-pool"
    """A pool for atomic allocations is missing or exhausted."""
    BOUNCE = "bounce-buffer"
    """The bounce buffers (swiotlb) are full."""
    PAGES = "pages"
    """The kernel met pages that it has no memory for."""


class Failure(NamedTuple):
    """One such line."""

    kind: FailureKind
    text: str
    line: int
    time: float | None = None
    driver: str | None = None
    device: str | None = None
    errno: int | None = None
    """Positive."""
    area: str | None = None
    """Name of a contiguous area, or of a node, that the line names."""
    pages: int | None = None
    span: Span | None = None
    """Addresses the line names."""


_DEVICE = re.compile(r"^(?:([\w.,-]{1,64}) )?([\w.,:@-]{1,128}): ")
_ERRNO = re.compile(
    r"(?:err(?:or|no)?|ret(?:urn(?:ed)?)?|rc|code|status|failed|failure)?[\s:=(]{1,3}(?:error )?-(\d{1,3})\b"
)
_NAMED_ERRNO = re.compile(r"-(E[A-Z]{3,14})\b")
_ERRNOS = {"EPERM": 1, "ENOENT": 2, "EIO": 5, "ENXIO": 6, "EAGAIN": 11, "ENOMEM": 12, "EFAULT": 14, "EBUSY": 16,
           "EEXIST": 17, "ENODEV": 19, "EINVAL": 22, "ENOSPC": 28}  # fmt: skip
_DEFERRED = 517
_NO_DEVICES = ("DMA", "ERROR", "error", "Error", "cma", "OF", "swiotlb", "memory", "warning", "WARNING")
"""Words before a colon that are no device."""
_CMA = re.compile(
    r"cma: (?:(?P<one>[\w.]{1,64}): )?(?:(?P<area>[^:\s]{1,200}): )?alloc failed, req-size: (?P<pages>\d{1,12}) pages, "
    r"ret: -(?P<errno>\d{1,3})"
)
_PROBE = re.compile(
    r"(?:probe of (?P<device>\S{1,128}) failed with error|(?P<before>\S{1,128}): probe with driver (?P<driver>\S{1,64}) failed "
    r"with error) -(?P<errno>\d{1,3})"
)
_RESOURCE = re.compile(r"\[mem (0x[0-9a-f]{1,16})-(0x[0-9a-f]{1,16})")
_SPAN_PLUS = re.compile(r"(0x[0-9a-f]{5,16}) ?(?:\+|size: ?|, ?size ?:? ?|len:? ?)(0x[0-9a-f]{1,16})")
_ADDRESS = re.compile(r"\b(0x[0-9a-f]{6,16})\b")
_NODE = re.compile(
    r"(?:memory-region|reserved memory(?: node| region)?|region|node) '?([\w,.+-]{1,64}@[0-9a-f,]{1,20})'?"
)

_FAILS = re.compile(
    r"fail|unable|could ?n[o']t|cannot|can't|error|no memory|not enough|too small|depleted|\bfull\b|invalid|missing|no .{0,20}memory-region"
    r"|out of memory|refus|beyond|attempted|bad phdr|-(?:12|16|19|22)\b|-E[A-Z]{4,}",
    re.IGNORECASE,
)
_PAGES = re.compile(r"BUG: Bad page state|page dumped because|Bad page map")

_WORDS = (
    "mem", "cma", "dma", "contiguous", "contig_range", "rproc", "remoteproc", "carve", "coherent", "atomic pool",
    "atomic allocation", "swiotlb", "io tlb", "bounce", "pstore", "ramoops", "ion", "alloc", "region", "phdr", "remap",
    "program segments", "boot failed", "tile binning",
)  # fmt: skip
"""One of these is in every line that `_ABOUT` knows."""

# What a failing line is about, the most telling first.
_ABOUT: tuple[tuple[FailureKind, re.Pattern[str]], ...] = (
    (
        FailureKind.ATOMIC_POOL,
        re.compile(
            r"atomic (?:DMA coherent )?(?:pool|allocation)|coherent pool|coherent_pool", re.IGNORECASE
        ),
    ),
    (FailureKind.BOUNCE, re.compile(r"swiotlb|software IO TLB|bounce", re.IGNORECASE)),
    (
        FailureKind.REMOTEPROC,
        re.compile(
            r"remoteproc|rproc|bad phdr|program segments|boot failed: -|carveout .{0,60}(?:fail|conflict|overlap|unable)",
            re.IGNORECASE,
        ),
    ),
    (
        FailureKind.REGION,
        re.compile(
            r"reserved[-_ ]mem|memory[-_ ]region|rmem\b|of_reserved_mem|reserved memory|carve-?out|shared-dma-pool|ramoops|pstore",
            re.IGNORECASE,
        ),
    ),
    (
        FailureKind.ALLOCATION,
        re.compile(
            r"\bCMA\b|\bcma\b|GEM (?:DMA|CMA)|dma[-_ ]?heap|dma_alloc|DMA (?:memory|buffer|alloc)|dma memory|coherent|contiguous"
            r"|alloc\w* (?:\S+ ){0,4}(?:buffer|memory|frame)|tile binning|\bion\b|ion_alloc|alloc_contig_range",
            re.IGNORECASE,
        ),
    ),
    (
        FailureKind.MAPPING,
        re.compile(
            r"memremap|ioremap|can't request region|request(?:ing)? (?:mem )?region|request_mem_region|map (?:memory|region)",
            re.IGNORECASE,
        ),
    ),
)


def find_failure(record: Record) -> Failure | None:
    """Return the failure that a record tells of, or None."""
    text = record.text
    for reader in _SPECIAL:
        failure = reader(text)
        if failure is not None:
            break
    else:
        failure = _general(text)
    if failure is None or failure.errno == _DEFERRED:
        return None
    return failure._replace(line=record.number, time=record.time)


def _cma(text: str) -> Failure | None:
    match = _CMA.search(text)
    if match is None:
        return None
    # Before 5.15 or so the line names the function and no area; 6.1 and newer name both.
    return Failure(
        FailureKind.CMA, text, 0, area=match["area"], pages=int(match["pages"]), errno=int(match["errno"])
    )


def _probe(text: str) -> Failure | None:
    match = _PROBE.search(text)
    if match is None:
        return None
    driver = match["driver"] or next(
        (word.rstrip(":") for word in text.split(" ")[:1] if word.endswith(":")), None
    )
    return Failure(
        FailureKind.PROBE,
        text,
        0,
        driver=driver,
        device=match["device"] or match["before"],
        errno=int(match["errno"]),
    )


def _memremap(text: str) -> Failure | None:
    if "memremap attempted" not in text:
        return None
    return Failure(FailureKind.MAPPING, text, 0, span=_span(text))


def _bad_pages(text: str) -> Failure | None:
    return Failure(FailureKind.PAGES, text, 0) if _PAGES.search(text) else None


_SPECIAL: tuple[Callable[[str], Failure | None], ...] = (_cma, _probe, _memremap, _bad_pages)


def _general(text: str) -> Failure | None:
    # A log may be full of other errors: plain words are found many times faster than expressions.
    lowered = text.lower()
    if not any(word in lowered for word in _WORDS):
        return None
    if not _FAILS.search(text):
        return None
    kind = next((kind for kind, about in _ABOUT if about.search(text)), None)
    if kind is None:
        return None
    device = _DEVICE.match(text)
    if device is not None and device[2] in _NO_DEVICES:
        device = None
    node = _NODE.search(text)
    return Failure(
        kind,
        text,
        0,
        driver=device[1] if device else None,
        device=device[2] if device else None,
        errno=errno_in(text),
        area=node[1] if node else None,
        span=_span(text),
    )


def errno_in(text: str) -> int | None:
    """Return the errno that a line names, as a positive number, or None."""
    found = [int(number) for number in _ERRNO.findall(text) if 0 < int(number) < 600]
    if found:
        return found[-1]
    named = [_ERRNOS[word] for word in _NAMED_ERRNO.findall(text) if word in _ERRNOS]
    return named[-1] if named else None


def _span(text: str) -> Span | None:
    if (match := _RESOURCE.search(text)) is not None:
        return _if_whole(int(match[1], 16), int(match[2], 16) + 1)
    if (match := _SPAN_PLUS.search(text)) is not None:
        return _if_whole(int(match[1], 16), int(match[1], 16) + int(match[2], 16))
    match = _ADDRESS.search(text)
    return None if match is None else Span.sized(int(match[1], 16), 1)


def _if_whole(start: int, end: int) -> Span | None:
    return Span(start, end) if start < end else None
