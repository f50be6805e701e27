# SPDX-License-Identifier: Apache-2.0
"""A sequence of requests to pools, as values: what was asked, of which pool, in which order.

Readers of recorded traces and ready workloads make these; replay and sizing take them. Results are not part of a
trace: they are what a replay gives. Source: cma 1, 2 (`shared-dma-pool`, dma-heap and debugfs requests).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.errors import UsageError
from carveout.values import NamedTuple, dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping

CMA_ALIGNMENT_DEFAULT = 8
"""CONFIG_CMA_ALIGNMENT of a kernel that does not say otherwise: the highest order a DMA request is aligned to."""


MOST_POOL_PAGES = 1 << 26
"""Pages of the largest pool that is simulated: 256 GiB of pages of 4 KiB, whose map takes 64 MiB."""


class PoolKind(StrEnum):
    """What kind of pool a request goes to."""

    CMA = "cma"
    """A reusable shared-dma-pool of the device's own."""
    CMA_DEFAULT = "cma-default"
    """The default contiguous area, for a device without a pool of its own."""
    COHERENT = "coherent"
    """A shared-dma-pool without `reusable`: only its device gets memory from it."""
    RESTRICTED = "restricted"
    """A restricted-dma-pool: slots of the bounce buffer."""

    @property
    def is_contiguous(self) -> bool:
        """It is a contiguous memory area, whose pages the system uses until a request comes."""
        return self in (PoolKind.CMA, PoolKind.CMA_DEFAULT)


class Extent(NamedTuple):
    """A run of pages: the first page frame number, and how many."""

    pfn: int
    pages: int

    @property
    def end(self) -> int:
        """The page frame number behind the last page."""
        return self.pfn + self.pages


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """One pool: where it is and how it works. Addresses in page frame numbers, lengths in pages."""

    id: str
    """What requests call it."""
    name: str
    """As the kernel names the area: `linux,cma`, `video-pool@50400000`, `reserved`."""
    base_pfn: int
    pages: int
    kind: PoolKind = PoolKind.CMA
    order_per_bit: int = 0
    """log2 of the pages that one bit of the area's bitmap stands for; 0 for pools of the tree."""
    ranges: tuple[Extent, ...] = ()
    """The ranges of an area that has several (7.2), ascending; empty: one, from base_pfn."""
    initially: tuple[Extent, ...] = ()
    """Allocated before the first request: the kernel's atomic DMA pools, for one."""
    initial_index: int = 0
    """Restricted pool: the slot its search starts from."""


class Op(StrEnum):
    """What a request does."""

    CMA_ALLOC = "cma_alloc"
    """cma_alloc(): `pages` pages aligned to `align`, an order."""
    DMA_ALLOC = "dma_alloc"
    """dma_alloc_attrs(): `size` bytes for the device that the pool belongs to."""
    HEAP_ALLOC = "heap_alloc"
    """A buffer of `size` bytes from the pool's dma-heap."""
    FREE = "free"
    """Give back what the request with this id got; nothing when it got nothing. Without an id: `pages` from `pfn`
    on, which were allocated before the first request."""
    PIN = "pin"
    """A page at `pfn` that cannot be moved."""
    UNPIN = "unpin"
    """The page at `pfn` can be moved again."""
    UNPIN_ALL = "unpin_all"
    LEND = "lend"
    """The system puts `pages` movable pages into the pool, the lowest free ones, or from `pfn` on."""


class Request(NamedTuple):
    """One line of a trace."""

    op: Op
    id: int | None = None
    """Names the request, so that a later one can free what it got."""
    pool: str = "0"
    """`PoolSpec.id`."""
    pages: int = 0
    """How many pages, for a request in pages."""
    align: int = 0
    """Order: the result is a multiple of 2 ** align pages."""
    size: int = 0
    """Bytes."""
    pfn: int | None = None
    line: int | None = None
    """Where it was read from."""
    time: float | None = None
    """Seconds, in the clock of what recorded it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceHeader:
    """What holds for a whole trace."""

    kernel: str
    """A version, such as 6.12.107."""
    page_size: int = 4096
    """Bytes."""
    cma_alignment: int = CMA_ALIGNMENT_DEFAULT
    """CONFIG_CMA_ALIGNMENT."""
    pools: tuple[PoolSpec, ...] = ()
    workload: str = ""
    build: str = ""
    notes: tuple[str, ...] = ()
    """What a reader had to assume, as sentences for a person."""
    arch: str = "arm64"

    def pool(self, name: str) -> PoolSpec:
        """Return the pool with this id or name. Raises: UsageError when there is none."""
        for pool in self.pools:
            if name in (pool.id, pool.name):
                return pool
        known = ", ".join(f"{pool.id} ({pool.name})" for pool in self.pools) or "none"
        raise UsageError(f"no pool '{name}' in this trace; it has {known}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A header and requests in order."""

    header: TraceHeader
    requests: tuple[Request, ...]
    problems: tuple[str, ...] = ()
    """Lines that could not be used, each with its number; empty unless the reader was told to go on."""
    recorded: Mapping[int, RecordedResult] = field(default_factory=dict)
    """What the recording says a request got, by id: for a comparison with a replay."""


class RecordedResult(NamedTuple):
    """What a recording says of one request."""

    pfn: int | None
    """The first page; None: it failed, or where it is was not recorded."""
    errno: int | None = None
    """Negative, as the kernel returns it; None: not recorded."""
    busy_pfns: tuple[int, ...] | None = None
    """Start of every attempt that met a busy page; None: this kernel does not tell."""
    migrated: int | None = None
    """Pages that were moved out of the way for it; None: not recorded."""
    not_migrated: int | None = None
    """Pages that could not be moved."""
    seconds: float | None = None
    """How long it took, in the recording's clock."""
    address: int | None = None
    """The first byte, for a request in bytes."""
    is_outside: bool = False
    """It was served outside of the pool."""

    @property
    def is_failure(self) -> bool:
        """The request failed; a list of heap requests says so without saying where those are that succeeded."""
        if self.errno is not None:
            return self.errno != 0
        return self.pfn is None and self.address is None and not self.is_outside
