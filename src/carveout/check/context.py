# SPDX-License-Identifier: Apache-2.0
"""What rules look at: a board decoded as the binding says, and a board with one simulated boot.

Values that cannot be decoded are None here, and some rule says so; other rules then have nothing to say.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

from carveout.board.decode import checked_strings, entries, is_enabled, number, status_is_on
from carveout.check.structure import one_bank_each
from carveout.errors import EditError
from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from carveout.board import Board, Consumer, RegionNode, ReservedMemoryNode
    from carveout.boot import Boot
    from carveout.fdt import Node, Property, Tree
    from carveout.kernel import Profile

T = TypeVar("T")
_CELLS_DEFAULT = 1


class Region:
    """A child of /reserved-memory (or a deeper node), decoded with the cells of the root."""

    __slots__ = (
        "alignment", "compatible", "depth", "entries", "is_enabled", "name", "node", "path", "raw", "size",
        "users", "windows",
    )  # fmt: skip

    def __init__(
        self, raw: RegionNode, address_cells: int, size_cells: int, users: tuple[Consumer, ...]
    ) -> None:
        """Decode the properties of `raw`; users: the memory-region entries that lead here."""
        self.raw = raw
        self.node: Node = raw.node
        self.path = raw.path
        self.name = raw.name
        self.depth = raw.depth
        self.is_enabled = status_is_on(raw.status)
        self.compatible = texts(raw.compatible)
        self.entries = _tuples(raw.reg, address_cells, size_cells)
        self.windows = _tuples(raw.alloc_ranges, address_cells, size_cells)
        self.size = _number(raw.size, size_cells)
        self.alignment = _number(raw.alignment, address_cells)
        self.users = users

    @property
    def base_name(self) -> str:
        """The name before the unit address."""
        return self.name.partition("@")[0]

    @property
    def unit_address(self) -> str | None:
        """The unit address as text, or None."""
        _, at, address = self.name.partition("@")
        return address if at else None

    @property
    def is_static(self) -> bool:
        """It has a `reg`, whatever is in it."""
        return self.raw.reg is not None

    @property
    def is_dynamic(self) -> bool:
        """It has a `size` and no `reg`."""
        return self.raw.reg is None and self.raw.size is not None

    @property
    def span(self) -> Span | None:
        """The first entry of `reg`, when it can be read and is not empty."""
        if not self.entries or self.entries[0][1] == 0:
            return None
        return Span.sized(*self.entries[0])

    def has(self, compatible: str) -> bool:
        """Say whether a compatible is in the list, in any case, as the kernel compares."""
        wanted = compatible.lower()
        return any(text.lower() == wanted for text in self.compatible)


class BoardContext:
    """A board, for rules about what the tree says. Everything is computed when first asked for."""

    def __init__(self, board: Board) -> None:
        """Look at `board`."""
        self.board = board
        self._shared: dict[object, object] = {}

    def once(self, compute: Callable[[BoardContext], Iterable[T]]) -> tuple[T, ...]:
        """Return what a function finds on this board, worked out for the first of the rules that share it."""
        if compute not in self._shared:
            self._shared[compute] = tuple(compute(self))
        return cast("tuple[T, ...]", self._shared[compute])

    @property
    def tree(self) -> Tree:
        """The tree the board was read from."""
        return self.board.tree

    @cached_property
    def address_cells(self) -> int:
        """#address-cells of the root, 1 when absent."""
        cells = self.board.root_cells.address
        return _CELLS_DEFAULT if cells is None else cells

    @cached_property
    def size_cells(self) -> int:
        """#size-cells of the root, 1 when absent."""
        cells = self.board.root_cells.size
        return _CELLS_DEFAULT if cells is None else cells

    @property
    def entry_bytes(self) -> int:
        """Length of one (base, size) entry in the root's cells, in bytes."""
        return 4 * (self.address_cells + self.size_cells)

    @cached_property
    def reserved_memory(self) -> ReservedMemoryNode | None:
        """The /reserved-memory node Linux looks at, or None."""
        nodes = self.board.reserved_memory
        return next((n for n in nodes if n.node.name == "reserved-memory"), nodes[0] if nodes else None)

    @cached_property
    def all_regions(self) -> tuple[Region, ...]:
        """Every node below a /reserved-memory, enabled or not, nested or not, in tree order."""
        users: dict[str, list[Consumer]] = {}
        for consumer in self.board.consumers:
            if consumer.region is not None:
                users.setdefault(consumer.region, []).append(consumer)
        return tuple(
            Region(raw, self.address_cells, self.size_cells, tuple(users.get(raw.path, ())))
            for parent in self.board.reserved_memory
            for raw in parent.regions
        )

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The enabled children of the /reserved-memory Linux looks at, in tree order."""
        parent = self.reserved_memory
        if parent is None:
            return ()
        prefix = parent.path + "/"
        return tuple(
            region
            for region in self.all_regions
            if region.depth == 1 and region.is_enabled and region.path.startswith(prefix)
        )

    @cached_property
    def children(self) -> tuple[Region, ...]:
        """The children of every /reserved-memory, disabled ones too, in tree order."""
        return tuple(region for region in self.all_regions if region.depth == 1)

    @cached_property
    def by_path(self) -> dict[str, Region]:
        """Every region by its path."""
        return {region.path: region for region in self.all_regions}

    @cached_property
    def devices(self) -> dict[str, tuple[Consumer, ...]]:
        """The entries of every device's memory-region, by the device's path, in tree order."""
        found: dict[str, list[Consumer]] = {}
        for consumer in self.board.consumers:
            found.setdefault(consumer.path, []).append(consumer)
        return {path: tuple(listed) for path, listed in found.items()}

    @cached_property
    def by_compatible(self) -> dict[str, list[Region]]:
        """The enabled children by each string of their compatible, in lower case, in tree order."""
        found: dict[str, list[Region]] = {}
        for region in self.regions:
            for text in region.compatible:
                found.setdefault(text.lower(), []).append(region)
        return found

    @cached_property
    def static(self) -> tuple[tuple[Region, Span], ...]:
        """Enabled static regions with their first entry, ascending by address."""
        found = [(region, span) for region in self.regions if (span := region.span) is not None]
        return tuple(sorted(found, key=lambda pair: pair[1]))

    @cached_property
    def ram(self) -> tuple[Span, ...]:
        """RAM as the memory nodes give it, ascending; empty when the tree leaves it to the firmware."""
        found: list[Span] = []
        for node in self.board.memory:
            prop = node.usable or node.reg
            if node.depth == 1 and prop is not None and is_enabled(node.node):
                found += [
                    Span.sized(base, size)
                    for base, size in entries(prop.value, self.address_cells, self.size_cells)
                    if size
                ]
        return tuple(sorted(found))


class BootContext:
    """A board and one simulated boot of it."""

    def __init__(self, board: BoardContext, boot: Boot) -> None:
        """Look at what `boot` made of `board`."""
        self.board = board
        self.boot = boot

    @property
    def profile(self) -> Profile:
        """The kernel of this boot."""
        return self.boot.profile

    @cached_property
    def known_ram(self) -> tuple[Span, ...]:
        """The RAM of this boot, whole banks, as the scene or the tree gives it; none when it is not known."""
        return tuple(one_bank_each(self.boot.scene.memory)) if self.boot.ram_known else ()

    @cached_property
    def cma_alignment(self) -> int:
        """What base and size of a contiguous pool must be multiples of on this kernel, in bytes."""
        from carveout.boot.cma import min_alignment

        return min_alignment(self.boot.profile)


def texts(prop: Property | None) -> tuple[str, ...]:
    """Return the strings of a list property; none at all when it does not end in NUL."""
    if prop is None:
        return ()
    return tuple(text.decode("utf-8", "surrogateescape") for text in checked_strings(prop))


def cells(*values: int, width: int = 2) -> bytes:
    """Return numbers as big-endian values of `width` cells each, for an Edit. Raises: EditError when one is too large."""
    try:
        return b"".join(value.to_bytes(4 * width, "big") for value in values)
    except OverflowError as error:
        raise EditError(f"a number does not fit into {width} cells: 0x{max(values):x}") from error


def _tuples(prop: Property | None, address_cells: int, size_cells: int) -> list[tuple[int, int]] | None:
    # None: absent, or not a whole number of entries.
    step = 4 * (address_cells + size_cells)
    if prop is None or step == 0 or prop.length % step:
        return None
    return entries(prop.value, address_cells, size_cells)


def _number(prop: Property | None, width: int) -> int | None:
    if prop is None or prop.length != 4 * width:
        return None
    return number(prop.value)


def in_one(span: Span, banks: Sequence[Span]) -> bool:
    """Say whether a span lies wholly inside RAM, where banks that touch count as one."""
    at = span.start
    for bank in sorted(banks):
        if bank.start <= at < bank.end:
            at = bank.end
    return at >= span.end
