# SPDX-License-Identifier: Apache-2.0
"""What a request to a pool gets, as values."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from carveout.values import NamedTuple


class Errno(IntEnum):
    """Error numbers as the kernel counts them, positive."""

    ENOMEM = 12
    EBUSY = 16
    EINVAL = 22


class Reason(StrEnum):
    """Why a request failed."""

    NONE = ""
    """It did not."""
    TOO_LARGE = "too-large"
    """No pool of this size could ever hold it."""
    ROOM = "room"
    """Fewer pages are free than were asked for."""
    FRAGMENTATION = "fragmentation"
    """Enough pages are free, but not in one run."""
    ALIGNMENT = "alignment"
    """A free run is long enough, but not from an aligned page on."""
    BUSY = "busy"
    """Every place has a page that cannot be moved."""
    NO_TARGET = "no-target"
    """The pages in it can be moved, but there is no room for them elsewhere."""


class Allocation(NamedTuple):
    """What one request got from a pool. Page frame numbers are absolute."""

    pfn: int | None
    """The first page; None: it failed."""
    pages: int
    """How many it holds, with what rounding up takes; 0 when it failed."""
    errno: int
    """0, or negative as the kernel returns it."""
    reason: Reason = Reason.NONE
    busy_pfns: tuple[int, ...] = ()
    """Start of every attempt that met a page which cannot be moved, in order."""
    shows_busy: bool = False
    """Whether this kernel has a trace event for each of them."""
    finish_pfn: str | None = None
    """The page frame number in the last trace event of a failed request, as that kernel writes it."""
    has_finish_event: bool = True
    """False where the kernel leaves no last event (a request larger than the area, up to 6.12)."""
    attempts: int = 0
    scanned: int = 0
    """Pages looked at in all attempts: the request's size for each."""
    migrated: int = 0
    """Pages moved out of the way."""
    lines: tuple[str, ...] = ()
    """What the kernel prints about it, where a pool was asked to tell."""
    address: int | None = None
    """The first byte, where that is not the start of page `pfn`: a restricted pool hands out slots."""
