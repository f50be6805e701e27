# SPDX-License-Identifier: Apache-2.0
"""How results are put into words, and how names from a tree are made harmless to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import BootOutcome, Exactness, Outcome, RegionKind
from carveout.span import Span
from carveout.units import format_range, format_size, format_size_about

if TYPE_CHECKING:
    from carveout.boot.device_result import RegionDeviceResult
    from carveout.boot.result import Boot, CmaArea, ConsumerResult, PlacedRegion

# A terminal line or an SVG label never needs more; keeps a 10,000-character name from flooding the page.
_MAX_SHOWN = 400
_LONGEST_NUMBER = 7
"""Characters of a size in a table."""

POOL_WORDS = {"cma": "CMA pool", "dma": "DMA pool", "restricted": "restricted DMA pool"}

_REORDERING = frozenset({"R", "AL", "AN"})

# Linux's numbers, which need not be those of the machine that carveout runs on.
_ERRNO_NAMES = {
    1: "EPERM",
    2: "ENOENT",
    5: "EIO",
    6: "ENXIO",
    11: "EAGAIN",
    12: "ENOMEM",
    14: "EFAULT",
    16: "EBUSY",
    17: "EEXIST",
    19: "ENODEV",
    22: "EINVAL",
    28: "ENOSPC",
    34: "ERANGE",
    61: "ENODATA",
    95: "EOPNOTSUPP",
    517: "EPROBE_DEFER",
}


def safe(text: str, *, ascii_only: bool = False, limit: int = _MAX_SHOWN) -> str:
    """Return text that cannot move a cursor, reorder a line or flood a page.

    Control characters, escape sequences, direction marks, letters that run from right to left, combining marks and
    halves of surrogate pairs become backslash escapes; what is longer than `limit` characters is cut in the middle.
    """
    text = shorten(text, limit, ascii_only=ascii_only)
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _is_plain(char, ascii_only) else _escaped(char) for char in text)


def shorten(text: str, width: int, *, ascii_only: bool = False) -> str:
    """Return text of at most `width` characters, cut in the middle, since names differ at their ends."""
    if len(text) <= width:
        return text
    dots = "..." if ascii_only else "\N{HORIZONTAL ELLIPSIS}"
    if width <= len(dots) + 2:
        return text[:width]
    keep = width - len(dots)
    tail = keep // 2
    return text[: keep - tail] + dots + text[len(text) - tail :]


def fit(text: str, width: int, *, ascii_only: bool = False) -> str:
    """Return text made safe and then cut to `width` characters."""
    return shorten(safe(text, ascii_only=ascii_only), width, ascii_only=ascii_only)


def errno_name(errno: int) -> str:
    """Return the errno as a driver sees it: `-22 (EINVAL)`."""
    name = _ERRNO_NAMES.get(errno)
    return f"-{errno} ({name})" if name else f"-{errno}"


def region_attributes(region: PlacedRegion) -> list[str]:
    """Return the attributes of a region as short words: how it came to its place, then what it is."""
    words = [] if region.kind is RegionKind.NONE else [str(region.kind)]
    if region.nomap:
        words.append("no-map")
    if region.reusable:
        words.append("reusable")
    if region.pool:
        words.append(POOL_WORDS.get(region.pool, f"{region.pool} pool"))
    return words


def region_owner(region: PlacedRegion) -> str | None:
    """Say what takes the region: its region driver, else what its compatible names, else None."""
    if region.pool:
        return None
    if region.driver:
        return f"driver {region.driver}"
    return f"compatible {region.compatible[0]}" if region.compatible else None


def request(region: PlacedRegion, digits: int) -> str:
    """Say what the tree asks for: `dynamic, 512 MiB aligned to 4 MiB within 0x..0x`."""
    parts: list[str] = []
    if region.requested_size is not None:
        parts.append(format_size(region.requested_size))
    if region.requested_base is not None:
        if region.requested_size:
            parts.append(
                "at " + format_range(Span.sized(region.requested_base, region.requested_size), digits)
            )
        else:
            parts.append(f"at 0x{region.requested_base:0{digits}x}")
    if region.kind is RegionKind.DYNAMIC and region.align:
        parts.append(f"aligned to {format_size(region.align)}")
    if region.alloc_ranges:
        shown = [
            format_range(span, digits) if span.size else "an empty range" for span in region.alloc_ranges[:4]
        ]
        if len(region.alloc_ranges) > len(shown):
            shown.append(f"{len(region.alloc_ranges) - len(shown)} more")
        parts.append("within " + ", ".join(shown))
    head = " ".join(region_attributes(region))
    asked = " ".join(parts)
    return f"{head}: {asked}" if head and asked else head or asked or "nothing that can be read"


def hole_text(region: PlacedRegion, digits: int) -> str | None:
    """Describe the largest hole that a failed request met; None when there is none to tell of."""
    hole = region.hole
    if hole is None:
        return None
    if hole.span.size <= 0:
        return "no free range at all"
    text = f"{format_range(hole.span, digits)}, {format_size(hole.span.size)}"
    if hole.usable != hole.span.size:
        text += f", of which {format_size(hole.usable)} can be used once aligned"
    return text


def consumer_use(consumer: ConsumerResult) -> str:
    """Name a consumer and its entry of memory-region: `/soc/vpu@1c0e000 [1] "fw" (disabled)`."""
    text = consumer.path
    if consumer.index:
        text += f" [{consumer.index}]"
    if consumer.name:
        text += f' "{consumer.name}"'
    return text if consumer.enabled else f"{text} (disabled)"


def region_device(device: RegionDeviceResult) -> str:
    """Name the platform device that the kernel makes of a region: `device 5a000000.ramoops (driver ramoops)`."""
    return f"device {device.name} (driver {device.driver})"


def row_size(size: int) -> str:
    """Return a size for a table: exact in a unit, or rounded and marked where that would be bytes or a long number."""
    exact = format_size(size)
    number, _, unit = exact.partition(" ")
    return format_size_about(size) if unit == "bytes" or len(number) > _LONGEST_NUMBER else exact


def area_fate(area: CmaArea) -> str:
    """Say in a few words what a contiguous area is good for: lent to the system, or nobody's."""
    name = "default area, " if area.is_default else ""
    return name + ("lent to the system" if area.activated else "never activated: nobody can allocate from it")


def outcome_text(region: PlacedRegion) -> str:
    """Say in a few words what became of a region."""
    return {
        Outcome.PLACED: "placed",
        Outcome.RESERVE_FAILED: "not reserved",
        Outcome.ALLOC_FAILED: "no room",
        Outcome.RELEASED: "released",
        Outcome.IGNORED: "ignored",
        Outcome.UNKNOWN: "not known",
    }[region.outcome]


def exactness_text(boot: Boot) -> str:
    """Say how far the whole map can be relied on."""
    if not boot.ram_known:
        return "RAM unknown"
    return {
        Exactness.EXACT: "exact",
        Exactness.MODELLED: "modelled, see below",
        Exactness.UNKNOWN: "partly unknown, see below",
    }[boot.exactness]


def scene_line(boot: Boot) -> str:
    """Name the kernel that was simulated: `Linux 6.12, arm64, 4 KiB pages, preset debian`."""
    scene = boot.scene
    return f"Linux {scene.kernel}, {scene.arch}, {format_size(scene.page_size)} pages, preset {scene.preset}"


def verdict(boot: Boot) -> str | None:
    """Say that the boot does not survive early memory set-up; None when it does."""
    if boot.outcome is BootOutcome.OK:
        return None
    what = "panics" if boot.outcome is BootOutcome.PANIC else "hangs"
    return f"This boot {what}: {boot.failure or 'no message'}"


def _is_plain(char: str, ascii_only: bool) -> bool:
    if not char.isprintable():
        return False
    if char.isascii():
        return True
    if ascii_only:
        return False
    from unicodedata import bidirectional, category  # only for text that is not ASCII

    # Letters that are written from right to left reorder what stands beside them, digits too, and mirror brackets.
    return not category(char).startswith("M") and bidirectional(char) not in _REORDERING


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
