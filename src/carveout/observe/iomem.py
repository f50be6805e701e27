# SPDX-License-Identifier: Apache-2.0
"""The text of /proc/iomem as resources, and what they say about RAM, the kernel and the tree.

Without root the kernel prints every address as zero; the names and their nesting are all that is left then.

Source: request_standard_resources(), arch/arm64/kernel/setup.c; recorded /proc/iomem of booted kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import ObservationError
from carveout.span import KIB, MIB, Span, round_down, round_up
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_LINES = 100_000
_INDENT = 2
_RAM = "System RAM"
_RESERVED = "reserved"
_CODE, _DATA, _BSS = "Kernel code", "Kernel data", "Kernel bss"
_PAGE = 4 * KIB
_ALONE = 64 * KIB
"""Bytes without another reservation on both sides of a tree; what the kernel allocates has smaller gaps."""


class Resource(NamedTuple):
    """One line of /proc/iomem. depth: 0 for the outermost."""

    depth: int
    span: Span
    name: str


def parse_iomem(text: str) -> tuple[Resource, ...]:
    """Return the resources in the order of the file. Raises: ObservationError with the line that cannot be read."""
    lines = text.splitlines()
    if len(lines) > _MOST_LINES:
        raise ObservationError(f"has {len(lines)} lines, which is no /proc/iomem")
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith(
            "#"
        ):  # a prompt, or a remark of `carveout export --to iomem`
            continue
        span, colon, name = line.partition(" : ")
        start, dash, last = span.strip().partition("-")
        depth = (len(line) - len(line.lstrip(" "))) // _INDENT
        if not (colon and dash and _is_hex(start) and _is_hex(last)):
            raise ObservationError(f"line {number}: expected 'START-LAST : NAME' as in /proc/iomem")
        found.append(Resource(depth, Span(int(start, 16), int(last, 16) + 1), name.strip()))
    return tuple(found)


def is_hidden(resources: Sequence[Resource]) -> bool:
    """Say whether the addresses were zeroed, as they are for a reader without root."""
    return bool(resources) and all(resource.span.end <= 1 for resource in resources)


def ram(resources: Iterable[Resource]) -> tuple[Span, ...]:
    """Return the RAM, ascending, neighbours joined; no-map regions, outermost `reserved` entries, are part of it."""
    spans = sorted(
        resource.span
        for resource in resources
        if resource.depth == 0 and (resource.name == _RAM or resource.name.lower() == _RESERVED)
    )
    joined: list[Span] = []
    for span in spans:
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def kernel_image(resources: Sequence[Resource], arch: str) -> Span | None:
    """Return what the kernel has reserved for itself, or None when it is not shown (powerpc).

    arm: from the next MiB, where _stext is; the section before it holds only the entry code. riscv64: whole
    2 MiB, which the resources inside leave out at both ends. arch: carveout's name.
    """
    code = _first(resources, _CODE)
    last = _first(resources, _BSS) or _first(resources, _DATA)
    if code is None or last is None or last.end <= code.start:
        return None
    if arch == "arm":
        return Span(round_up(code.start, MIB), last.end)
    if arch == "riscv64":
        return Span(round_down(code.start, 2 * MIB), round_up(last.end, 2 * MIB))
    return Span(code.start, last.end)


def tree_place(resources: Iterable[Resource], size: int, *, taken: Iterable[Span] = ()) -> int | None:
    """Return where a blob of `size` bytes lies if just one reserved entry can be it, else None.

    It has exactly the blob's pages and stands alone: the kernel's own allocations lie close together, and one of
    them may have that size by chance. taken: what is known to lie elsewhere, such as the kernel and the initrd.
    """
    pages = round_up(size, _PAGE)
    others = list(taken)
    entries = sorted(
        resource.span for resource in resources if resource.depth > 0 and resource.name.lower() == _RESERVED
    )
    found = []
    for number, span in enumerate(entries):
        below = span.start - entries[number - 1].end if number else _ALONE
        above = entries[number + 1].start - span.end if number + 1 < len(entries) else 0
        alone = below >= _ALONE and above >= _ALONE
        if alone and span.size == pages and not any(span.overlaps(other) for other in others):
            found.append(span.start)
    return found[0] if len(found) == 1 else None


def _first(resources: Iterable[Resource], name: str) -> Span | None:
    return next((resource.span for resource in resources if resource.name == name), None)


def _is_hex(text: str) -> bool:
    return 0 < len(text) <= 16 and all(char in "0123456789abcdefABCDEF" for char in text)
