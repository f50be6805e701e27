# SPDX-License-Identifier: Apache-2.0
"""What an explanation is made of. Values only; sizes and addresses in bytes, spans half-open."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from carveout.boot.result import Boot, ConsumerResult, Exactness, PlacedRegion, Step
    from carveout.change.remedies import Remedy
    from carveout.span import Span


SAID_ANYWAY = ("no initrd: neither", "RAM is as in the tree")
"""Notes of a boot that begin like this are no reason for it to be less than exact."""


class Kind(StrEnum):
    """What was asked about."""

    REGION = "region"
    DEVICE = "device"
    ADDRESS = "address"
    SPAN = "span"
    DEFAULT_POOL = "default-pool"


class Reason(NamedTuple):
    """One sentence of an explanation, and the property, option or step it rests on."""

    text: str
    because: str = ""
    """A property of the tree, an option of the scene, or a field of the kernel's behaviour; empty: memory itself."""


class Neighbour(NamedTuple):
    """What a free range ends at."""

    who: str
    """Paths or owners; for an end that nobody holds, what it is: `end of RAM`, `end of the window`."""
    is_owner: bool
    """Whether somebody holds memory there, who could be moved."""


class RangeTried(NamedTuple):
    """One free range that the kernel looked at."""

    span: Span
    usable: int
    """The most that a request with this alignment finds in it."""
    missing: int
    """How much too small it is for this request; 0 for one that is large enough."""
    below: Neighbour
    above: Neighbour
    is_taken: bool


class Attempt(NamedTuple):
    """One search: a window, a direction, and the free ranges in the order in which they were looked at."""

    window: Span
    window_why: Reason
    bottom_up: bool
    direction_why: Reason
    size: int
    align: int
    tried: tuple[RangeTried, ...]
    """Up to the one that was taken; all of them when none was."""
    found: int | None
    """The base; None: nothing fits."""


class StepTaken(NamedTuple):
    """A step of the boot, with its number, and what the kernel logs in it."""

    number: int
    step: Step
    log: tuple[str, ...]


class OtherKernel(NamedTuple):
    """What another kernel does with the same."""

    kernel: str
    is_same: bool
    text: str
    """What it does, where that differs."""
    base: int | None
    size: int | None
    exactness: Exactness | None
    """None when that kernel could not be simulated; `text` says why."""
    causes: tuple[str, ...] = ()
    """What makes the difference: decisions of the kernel, together, or its build; empty when not looked for."""


class Piece(NamedTuple):
    """A part of a span that is the same thing throughout."""

    span: Span
    what: str
    """`free`, `no RAM`, or who holds it."""
    is_ram: bool
    nomap: bool
    reserved: bool
    region: str | None
    """Path of the region it belongs to."""
    area: str | None
    """Name of the contiguous area it belongs to."""
    history: tuple[Reason, ...]
    """What happened to it, in order."""
    since: Reason | None
    """What made it what it is: the last that happened, other than becoming RAM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer to one question about a boot."""

    kind: Kind
    subject: str
    """A path, an address or span as text, or `default cma`."""
    boot: Boot
    answer: tuple[str, ...]
    """Sentences: what is there, in short."""
    exactness: Exactness
    doubts: tuple[str, ...]
    """Why it is not exact, each with the option that settles it where there is one."""
    asked: tuple[Reason, ...] = ()
    """What the tree or the command line asks for."""
    reasons: tuple[Reason, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    attempts_left_out: int = 0
    steps: tuple[StepTaken, ...] = ()
    uses: tuple[ConsumerResult, ...] = ()
    pieces: tuple[Piece, ...] = ()
    pieces_rest: Span | None = None
    """What of a span is not told, since it has too many pieces."""
    kernels: tuple[OtherKernel, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    """Of a device: for its first entry that is refused although the region has its place."""
    remedies_tried: int = 0
    """How many changes were booted to find the remedies; 0: none was looked for."""
    region: PlacedRegion | None = None
    parts: tuple[Explanation, ...] = ()
    """Of a device: the explanation of each region it asks for."""
