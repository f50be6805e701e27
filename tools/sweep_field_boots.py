# SPDX-License-Identifier: Apache-2.0
"""Cells of a sweep booted a second time: with a kernel image in RAM, and for the lines that the kernel prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from carveout.board import read_board
from carveout.board.decode import entries
from carveout.boot import Scene, boot
from carveout.fdt import parse
from carveout.span import GIB, KIB, MIB, Span
from carveout.sweep.plan import ram_base
from carveout.values import replace
from sweep_field import HINGES, RAM_WORDS, SHIPPED, STEPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from carveout.board import Board
    from carveout.boot import Boot
    from carveout.fdt import Property
    from sweep_field import Fact

ELSEWHERE = 0x4000_0000
"""Where RAM of a given size begins on boards that do not say; as the sweep was told."""
IMAGE, TREE = 48 * MIB, 2 * MIB
"""Room that a second look leaves: Debian's images have 26 to 48 MiB, and the largest tree is smaller than 1 MiB."""
_SIZES = {"256M": 256 * MIB, "512M": 512 * MIB, "1G": GIB, "2G": 2 * GIB, "4G": 4 * GIB, "8G": 8 * GIB}
_PAGES = {"4K": 4 * KIB, "16K": 16 * KIB}
_LIKELY = ("tree", "4G", "8G", "2G", "1G", "512M", "256M")
_MOST_LINES = 12
_MOST_BANKS = 4


class Trees:
    """Boards of the packages, read once."""

    def __init__(self, folder: Path, architectures: Mapping[str, str]) -> None:
        """folder: as tools/fetch_dtbs.py makes it. architectures: of each package."""
        self._folder = folder
        self._architectures = architectures
        self._boards: dict[tuple[str, str], Board] = {}

    def board(self, package: str, name: str) -> Board:
        """Return a board."""
        key = package, name
        if key not in self._boards:
            self._boards[key] = read_board(parse((self._folder / package / f"{name}.dtb").read_bytes()))
        return self._boards[key]

    def says_base(self, package: str, name: str) -> bool:
        """Say whether a tree that gives no RAM says where it begins."""
        return ram_base(self.board(package, name)) is not None

    def boot(self, package: str, name: str, scene: str, *, with_image: bool) -> Boot | None:
        """Boot a cell again. with_image: a kernel image and the tree are in RAM; None: there is no room for them."""
        board = self.board(package, name)
        kernel, page, ram = scene.split()
        made = Scene(kernel=kernel, page_size=_PAGES[page], arch=self._architectures[package])
        banks = _banks(board)
        if ram != "tree":
            start = ram_base(board)
            banks = (Span.sized(ELSEWHERE if start is None else start, _SIZES[ram]),)
            made = replace(made, memory=banks)
        if with_image:
            at = _free(board, banks, IMAGE + TREE)
            if at is None:
                return None
            made = replace(made, kernel_image=Span.sized(at, IMAGE), dtb_at=at + IMAGE)
        return boot(board, made)


def _banks(board: Board) -> tuple[Span, ...]:
    return tuple(_spans(board, (node.reg for node in board.memory)))


def _spans(board: Board, props: Iterable[Property | None]) -> Iterator[Span]:
    root = board.root_cells
    address, size = 1 if root.address is None else root.address, 1 if root.size is None else root.size
    for prop in props:
        if prop is not None:
            for at, length in entries(prop.value, address, size):
                if length:
                    yield Span.sized(at, length)


def _free(board: Board, banks: Sequence[Span], size: int) -> int | None:
    # The lowest place in RAM, on 2 MiB, that no region with an address and no entry of the reserve map has.
    taken = [Span.sized(entry.address, entry.size) for entry in board.reserve_map if entry.size]
    taken += _spans(board, (region.reg for parent in board.reserved_memory for region in parent.regions))
    for bank in sorted(banks):
        reached = bank.start
        for stop in [*sorted(taken), Span.sized(bank.end, 0)]:
            at = -(-reached // (2 * MIB)) * 2 * MIB
            if at + size <= min(stop.start, bank.end):
                return at
            reached = max(reached, stop.end)
    return None


class Seen(NamedTuple):
    """What of a boot the classes are about."""

    outcome: str
    regions: Mapping[str, str]
    has_default: bool


def _seen(made: Boot) -> Seen:
    return Seen(
        str(made.outcome),
        {region.path: str(region.outcome) for region in made.regions},
        any(area.is_default for area in made.cma),
    )


def holds(kind: str, before: Boot, after: Boot) -> bool:
    """Say whether a difference of this class is there between two boots."""
    lost = kind.endswith("-lost")
    good, bad = (_seen(before), _seen(after)) if lost else (_seen(after), _seen(before))
    if kind.startswith("boot-"):
        return good.outcome == "ok" != bad.outcome
    if kind.startswith("default-"):
        return good.outcome == bad.outcome and good.has_default and not bad.has_default
    return any(
        outcome == "placed" and bad.regions.get(path, "placed") != "placed"
        for path, outcome in good.regions.items()
    )


def second_look(fact: Fact, trees: Trees) -> None:
    """Add to a fact which boards still differ when a kernel image is in RAM."""
    groups = cast("dict[str, list[str]] | None", fact.get("boards"))
    if groups is None or fact["class"] not in HINGES or fact["step"] == SHIPPED.id:
        return
    step = next(one for one in STEPS if one.id == fact["step"])
    package = str(fact["package"])
    firm: dict[str, list[str]] = {}
    for words, names in groups.items():
        for name in names:
            kept = []
            for word in words.split():
                boots = [
                    trees.boot(package, name, f"{s} {word}", with_image=True)
                    for s in (step.before, step.after)
                ]
                if boots[0] is not None and boots[1] is not None and holds(str(fact["class"]), *boots):  # type: ignore[arg-type]
                    kept.append(word)
            if kept:
                firm.setdefault(" ".join(kept), []).append(name)
    fact["with_image"] = {words: sorted(names) for words, names in sorted(firm.items())}


def example(fact: Fact, board: str, trees: Trees) -> Fact | None:
    """Return the lines that a board prints before and after a step and not both, and the places that differ."""
    step = next((one for one in STEPS if one.id == fact["step"]), SHIPPED)
    groups = cast("dict[str, list[str]]", fact.get("with_image") or fact.get("boards") or {})
    words = next((words.split() for words, names in groups.items() if board in names), None)
    if words is None:
        words = [word for word in _LIKELY if word in cast("dict[str, int]", fact["by_ram"])]
    word = next(word for word in _LIKELY if word in words)
    with_image = fact["class"] in HINGES
    boots = [
        trees.boot(str(fact["package"]), board, f"{scene} {word}", with_image=with_image)
        for scene in (step.before, step.after)
    ]
    before, after = boots
    if before is None or after is None:
        return None
    return {
        "kind": "example",
        "step": fact["step"],
        "class": fact["class"],
        "detail": fact["detail"],
        "board": board,
        "ram": word,
        "image": with_image,
        "banks": [f"0x{bank.start:x}+0x{bank.size:x}" for bank in _joined(before)][:_MOST_BANKS],
        "before": _lines(before, after),
        "after": _lines(after, before),
    }


def _joined(made: Boot) -> list[Span]:
    # RAM as one sees it: memblock splits it at each region without a mapping.
    found: list[Span] = []
    for entry in sorted(made.memory, key=lambda one: one.base):
        if found and found[-1].end == entry.base:
            found[-1] = Span(found[-1].start, entry.base + entry.size)
        else:
            found.append(Span.sized(entry.base, entry.size))
    return found


def _lines(made: Boot, other: Boot) -> list[str]:
    theirs = {line for text in other.messages for line in text.split("\n")}
    mine = [line for text in made.messages for line in text.split("\n")]
    found = [line for line in mine if line not in theirs]
    if made.failure and made.failure != other.failure:
        found.append(f"Kernel panic - not syncing: {made.failure}")
    return found[:_MOST_LINES]


assert set(_SIZES) == set(RAM_WORDS[1:])
