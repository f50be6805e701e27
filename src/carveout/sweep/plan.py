# SPDX-License-Identifier: Apache-2.0
"""What a sweep is to do: its scenes, one job for each tree, and what comes back. Plain values that travel."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from carveout.board.decode import entries, is_enabled
from carveout.check.scenes import scene_matrix
from carveout.errors import UsageError
from carveout.span import GIB, KIB, MIB, Span
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.board import Board
    from carveout.boot import Scene

MOST_SCENES = 10_000
"""More combinations than this are a mistake in the request, not a wish."""


class SweepScene(NamedTuple):
    """One column of a sweep: a scene, what to call it, and which boards it is for."""

    name: str
    scene: Scene
    ram_size: int | None = None
    """RAM of this size, beginning where the board says RAM begins; bytes."""
    ram_base: int | None = None
    """Where RAM of that size begins on a board that does not say."""
    boards: str = "all"
    """`all`, or only boards whose tree gives RAM (`with-ram`) or does not (`without-ram`)."""
    is_from_ram: bool = False
    """The places of kernel image, tree and initrd in `scene` count from the start of the board's RAM."""


class Plan(NamedTuple):
    """All that every worker has to know."""

    scenes: tuple[SweepScene, ...]
    codes: tuple[str, ...] = ()
    """Codes of the rules to run; none: boards are booted and not checked."""
    kinds: tuple[str, ...] = ("board", "cell", "region", "finding")
    """Kinds of rows to make."""
    recognises: bool = True
    """Equal inputs are simulated once."""


class Job(NamedTuple):
    """One tree and the scenes it is booted in."""

    number: int
    """Place of the board in the order of the results."""
    name: str
    blob: bytes
    is_made_here: bool = False
    scenes: tuple[int, ...] = ()
    """Indexes into Plan.scenes."""


class Done(NamedTuple):
    """What came of one tree. The rows do not name the board: equal trees share them."""

    number: int
    rows: tuple[bytes, ...]
    """Each row as JSON, without the opening brace and the board's name."""
    cells: int = 0
    simulated: int = 0
    """Cells that were not taken from an equal one."""
    findings: int = 0
    error: str | None = None
    """Why there are no rows: the tree cannot be read, workers die of it, or carveout has a bug."""
    is_bug: bool = False
    """The error is ours."""


class RamChoice(NamedTuple):
    """RAM of one column: what the tree says (nothing given), banks, or a size."""

    banks: tuple[Span, ...] = ()
    size: int | None = None
    base: int | None = None
    """Where RAM of that size begins on a board that does not say."""


def plan_scenes(
    bases: Sequence[tuple[str, Scene]],
    *,
    kernels: Sequence[str] = (),
    page_sizes: Sequence[int] = (),
    ram: Sequence[RamChoice] = (),
    cmdlines: Sequence[str] = (),
    only_without_ram: bool = False,
    is_from_ram: bool = False,
) -> tuple[SweepScene, ...]:
    """Return every combination, named after what tells it from the others.

    bases: scenes to start from, with the word that tells them apart (a preset); empty for a single one.
    only_without_ram: `ram` is for boards whose trees do not give RAM; the others are booted with their own.
    is_from_ram: places of kernel image, tree and initrd count from the start of RAM.
    Raises: UsageError for too many.
    """
    found: list[SweepScene] = []
    choices = [(choice, "without-ram" if only_without_ram else "all") for choice in ram]
    if only_without_ram or not choices:
        choices.append((RamChoice(), "with-ram" if only_without_ram and ram else "all"))
    number = (
        max(1, len(bases))
        * max(1, len(kernels))
        * max(1, len(page_sizes))
        * max(1, len(cmdlines))
        * len(choices)
    )
    if number > MOST_SCENES:
        raise UsageError(f"{number} scenes are asked for, more than {MOST_SCENES}")
    for (word, base), (choice, boards) in product(bases, choices):
        for named in scene_matrix(base, kernels=kernels, page_sizes=page_sizes, cmdlines=cmdlines):
            parts = [named.name, word, _ram_word(choice, of_many=len(choices) > 1)]
            scene = replace(named.scene, memory=choice.banks) if choice.banks else named.scene
            found.append(
                SweepScene(
                    name=" ".join(part for part in parts if part),
                    scene=scene,
                    ram_size=choice.size,
                    ram_base=choice.base,
                    boards=boards,
                    is_from_ram=is_from_ram,
                )
            )
    order = {name: at for at, name in enumerate(kernels)}
    found.sort(key=lambda scene: order.get(scene.scene.kernel or "", 0))
    return tuple(found)


def _ram_word(choice: RamChoice, *, of_many: bool) -> str:
    if not of_many:
        return ""
    if choice.size is not None:
        return size_word(choice.size)
    if choice.banks:
        word = size_word(sum(bank.size for bank in choice.banks))
        return f"{word}@0x{choice.banks[0].start:x}"
    return "tree"


def size_word(size: int) -> str:
    """Return a size as it is given in options: `2G`, `512M`."""
    for unit, letter in ((GIB, "G"), (MIB, "M"), (KIB, "K")):
        if size % unit == 0 and size:
            return f"{size // unit}{letter}"
    return f"0x{size:x}"


def ram_base(board: Board) -> int | None:
    """Return where the RAM begins of which the tree leaves the size to the firmware; None: it does not say.

    A memory node whose entry has size 0 names the base. A base of 0 counts only where the unit address says 0 too:
    otherwise it is a placeholder.
    """
    root = board.root_cells
    address = 1 if root.address is None else root.address
    size = 1 if root.size is None else root.size
    found: list[int] = []
    for node in board.memory:
        if node.depth != 1 or not is_enabled(node.node):
            continue
        unit = _hexadecimal(node.node.unit_address)
        for base, _ in entries(node.reg.value, address, size) if node.reg is not None else ():
            if base or unit == 0:
                found.append(base)
        if unit and (node.reg is None or not any(node.reg.value)):
            found.append(unit)
    return min(found, default=None)


def scene_on(board: Board, scene: SweepScene) -> Scene | None:
    """Return the scene as it is on one board: with RAM of its size, and places counted from the start of RAM.

    None: the board does not say where RAM begins, and neither does the scene. Places that count from the start of RAM
    that nobody knows are left out.
    """
    made = scene.scene
    if scene.ram_size is not None:
        base = ram_base(board)
        base = scene.ram_base if base is None else base
        if base is None:
            return None
        made = replace(made, memory=(Span.sized(base, scene.ram_size),))
    if not scene.is_from_ram:
        return made
    start = min(made.memory).start if made.memory else _tree_ram_start(board)
    return replace(
        made,
        kernel_image=_moved(made.kernel_image, start),
        image_at=_sum(made.image_at, start),
        dtb_at=_sum(made.dtb_at, start),
        initrd=_moved(made.initrd, start),
    )


def _tree_ram_start(board: Board) -> int | None:
    root = board.root_cells
    address = 1 if root.address is None else root.address
    size = 1 if root.size is None else root.size
    return min(
        (
            base
            for node in board.memory
            if is_enabled(node.node) and (prop := node.usable or node.reg) is not None
            for base, length in entries(prop.value, address, size)
            if length
        ),
        default=None,
    )


def _sum(offset: int | None, start: int | None) -> int | None:
    return None if offset is None or start is None else start + offset


def _moved(place: Span | None, start: int | None) -> Span | None:
    return None if place is None or start is None else Span.sized(start + place.start, place.size)


def _hexadecimal(text: str | None) -> int | None:
    try:
        return int(text, 16) if text else None
    except ValueError:
        return None
