# SPDX-License-Identifier: Apache-2.0
"""What /proc/iomem of the simulated kernel shows of RAM and of what is reserved in it.

Only what early boot decides: the RAM lines are all there, and below them what is reserved by then. The borders of
the kernel's own sections are the build's, and what the kernel allocates later has `reserved` lines of its own, or
makes the line beside it longer.

Source: request_standard_resources() and reserve_memblock_reserved_regions(), arch/arm64/kernel/setup.c;
request_standard_resources(), arch/arm/kernel/setup.c; init_resources(), arch/riscv/kernel/setup.c;
add_system_ram_resources(), arch/powerpc/mm/mem.c (kernel-semantics 5.5); every line of RAM of the recorded boots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.span import Span, round_down, round_up
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.result import Boot, MemoryRange

_RAM = "System RAM"
_RESERVED = {"arm64": "reserved", "riscv64": "Reserved"}
"""The word of each architecture that shows what is reserved; arm and powerpc show RAM only."""
_CRASH = "crashkernel"
_KEPT = frozenset(
    {"dtb", "initrd", "memreserve", "elfcorehdr", _CRASH}
    | {"efi memory map", "efi reservations", "efi memory attributes", "efi ACPI tables"}
)
"""Who reserves memory that is not given back before the file is made, beside nodes and contiguous areas."""


class IomemLine(NamedTuple):
    """One line. depth: 0 for RAM itself, 1 for what lies in it."""

    depth: int
    span: Span
    name: str
    who: str
    """Whose it is, as in `Claim.who`; empty for RAM."""


class Iomem(NamedTuple):
    """The lines in the order of the file, and what is not among them."""

    lines: tuple[IomemLine, ...]
    kernel: Span | None
    """Where the sections of the kernel are shown, in lines that only the build knows."""
    gaps: tuple[str, ...]
    """Sentences: what cannot be told."""


def iomem(boot: Boot) -> Iomem:
    """Return what /proc/iomem shows when the kernel has booted."""
    if not boot.ram_known:
        return Iomem((), None, ("RAM is not known, the tree does not give it: pass --memory SIZE@BASE",))
    arch, page = boot.profile.arch, boot.scene.page_size
    word = _RESERVED.get(arch)
    lines: list[IomemLine] = []
    for entry in boot.memory:
        span = _shown(boot, entry, page)
        if span is None:
            continue
        if arch == "riscv64" and entry.nomap and not _is_whole(entry, page):
            return _riscv_without_whole_pages(span)
        if span.size <= 0:
            continue
        lines.append(IomemLine(0, span, word if entry.nomap and word else _RAM, ""))
        if word:
            lines += _inside(boot, span, word, page)
    return Iomem(tuple(lines), boot.scene.kernel_image, tuple(_gaps(boot, word)))


def _shown(boot: Boot, entry: MemoryRange, page: int) -> Span | None:
    # Which bytes of an entry of memblock's list of RAM the architecture shows; None: it has no line.
    span = Span.sized(entry.base, entry.size)
    if boot.profile.arch not in _RESERVED:
        return None if entry.nomap else span
    if entry.nomap and boot.profile.arch == "arm64" and boot.profile.behaviour.arm64_iomem_nomap == "outward":
        return Span(round_down(span.start, page), round_up(span.end, page))
    return Span(round_up(span.start, page), round_down(span.end, page))


def _is_whole(entry: MemoryRange, page: int) -> bool:
    return entry.base % page == 0 and entry.size % page == 0


def _riscv_without_whole_pages(shown: Span) -> Iomem:
    # The resource turns out empty, is refused, and the kernel takes all others back with it.
    if shown.size <= 0:
        return Iomem((), None, ("a no-map region smaller than its pages makes riscv show nothing at all",))
    return Iomem((), None, ("a no-map region that is no whole number of pages was never booted on riscv",))


def _inside(boot: Boot, parent: Span, word: str, page: int) -> Iterator[IomemLine]:
    # What is reserved in one line of RAM, in whole pages; the kernel's sections take their part away.
    taken = parent.start
    for span, who in _kept(boot):
        start = max(round_down(span.start, page), parent.start, taken)
        end = min(round_up(span.end, page), parent.end)
        for piece in _without(Span(start, end), boot.scene.kernel_image):
            yield IomemLine(1, piece, "Crash kernel" if who == _CRASH else word, who)
            taken = max(taken, piece.end)


def _kept(boot: Boot) -> Iterator[tuple[Span, str]]:
    # What tree, command line and loaders reserve stays; neighbours in one entry of memblock are one line.
    claims = [claim for claim in boot.claims if _stays(claim.who)]
    first = 0
    for entry in boot.reserved:
        end = entry.base + entry.size
        while first < len(claims) and claims[first].base + claims[first].size <= entry.base:
            first += 1
        joined: list[tuple[Span, str]] = []
        for at in range(first, len(claims)):
            claim = claims[at]
            if claim.base >= end:
                break
            span = Span(max(claim.base, entry.base), min(claim.base + claim.size, end))
            if span.size > 0:
                _join(joined, span, claim.who)
        yield from joined


def _join(joined: list[tuple[Span, str]], span: Span, who: str) -> None:
    if joined and span.start <= joined[-1][0].end and _CRASH not in (who, joined[-1][1]):
        last, names = joined[-1]
        joined[-1] = (
            Span(last.start, max(last.end, span.end)),
            names if who in names.split(", ") else f"{names}, {who}",
        )
    else:
        joined.append((span, who))


def _stays(who: str) -> bool:
    return who.startswith("/") or who in _KEPT or who.endswith(" cma") or " cma " in who


def _without(span: Span, hole: Span | None) -> list[Span]:
    if hole is None or not span.overlaps(hole):
        return [span] if span.size > 0 else []
    return [
        part
        for part in (Span(span.start, hole.start), Span(max(hole.end, span.start), span.end))
        if part.size > 0
    ]


def _gaps(boot: Boot, word: str | None) -> Iterator[str]:
    if boot.scene.kernel_image is None:
        yield "the place of the kernel is not known: pass --kernel-image BASE+SIZE"
    if boot.outcome.value != "ok":
        yield f"this boot does not get that far: {boot.failure or boot.outcome}"
    if word:
        yield f"later allocations of the kernel have lines '{word}' of their own, or make one beside them longer"
