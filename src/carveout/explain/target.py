# SPDX-License-Identifier: Apache-2.0
"""What a question is about: a region, a device, an address, a span, or the default pool."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.boot.result import StepKind
from carveout.errors import SceneError, UsageError
from carveout.explain.model import Kind
from carveout.fdt.tree import decode
from carveout.span import Span
from carveout.units import parse_address, parse_size
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from carveout.board import Board
    from carveout.boot import Boot
    from carveout.fdt import Node, Tree

_DEFAULT_POOL = ("default cma", "default-cma", "default pool", "default-pool", "default cma area", "cma")
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]+|[0-9]+)[kKmMgGtT]?")
_SPAN = re.compile(rf"({_NUMBER.pattern})\s*(\.\.|-|\+)\s*({_NUMBER.pattern})")
_ADDRESS_END = 1 << 64
_MAX_NEAR = 4
_MAX_SHOWN = 80

WHAT_HELP = (
    "expected a region (name, path or &label), a device's path, an address such as 0x7f600000, a span "
    "A-B or A+SIZE, or 'default cma'"
)


class Target(NamedTuple):
    """What is asked about."""

    kind: Kind
    name: str
    """The path of a region or device; the text of a place."""
    span: Span | None = None


def find_target(board: Board, boot: Boot, text: str) -> Target:
    """Return what a text means on this board. Raises UsageError, with near names, when it means nothing."""
    asked = " ".join(text.split())
    if not asked:
        raise UsageError(f"it is not said what to explain: {WHAT_HELP}")
    paths = _paths(board, boot, asked)
    if len(paths) == 1:
        return _of_node(board, boot, paths[0])
    if len(paths) > 1:
        listed = ", ".join(sorted(paths)[:_MAX_NEAR])
        raise UsageError(f"'{_cut(asked)}' names several nodes: give a path; for example {listed}")
    if asked.lower() in _DEFAULT_POOL:
        return Target(Kind.DEFAULT_POOL, "default cma")
    place = _place(asked)
    if place is not None:
        return place
    owned = _owned(boot, asked)
    if owned is not None:
        return owned
    near = _near(board, boot, asked)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    raise UsageError(f"the board has nothing called '{_cut(asked)}'{hint}; {WHAT_HELP}")


def _of_node(board: Board, boot: Boot, path: str) -> Target:
    if any(region.path == path for region in boot.regions):
        return Target(Kind.REGION, path)
    if any(raw.path == path for parent in board.reserved_memory for raw in parent.regions):
        return Target(Kind.REGION, path)
    banks = [s for s in boot.trace if s.kind is StepKind.MEMORY and s.subject == path and s.size]
    if banks and banks[0].base is not None and banks[0].size is not None:
        return Target(Kind.SPAN, path, Span.sized(banks[0].base, banks[0].size))
    return Target(Kind.DEVICE, path)


# ---- nodes --------------------------------------------------------------------------------------------------
def _paths(board: Board, boot: Boot, asked: str) -> list[str]:
    # The nodes that a text names, by the most exact way of naming that finds any.
    tree = board.tree
    if asked.startswith("/"):
        node = tree.node(asked.rstrip("/") or "/")
        return [node.path] if node is not None else _without_units(tree, asked)
    label = asked.removeprefix("&")
    labelled = _labelled(tree, label)
    if asked.startswith("&"):
        return labelled
    regions = [region.path for region in boot.regions]
    for names in (
        [path for path in regions if path.rpartition("/")[2] == asked],
        [path for path in regions if path.rpartition("/")[2].partition("@")[0] == asked],
        labelled,
        _consumers(board, asked),
        _named(tree, asked),
    ):
        if names:
            return list(dict.fromkeys(names))
    return []


def _without_units(tree: Tree, asked: str) -> list[str]:
    # A path in which unit addresses are left out.
    found: list[Node] = [tree.root]
    for part in asked.strip("/").split("/"):
        found = [child for node in found for child in node.children if part in (child.name, child.base_name)]
        if not found:
            return []
    return [node.path for node in found]


def _labelled(tree: Tree, label: str) -> list[str]:
    for holder in ("/__symbols__", "/aliases"):
        node = tree.node(holder)
        prop = node.prop(label) if node is not None and label else None
        if prop is not None:
            target = tree.node(decode(prop.value.split(b"\0", 1)[0]))
            if target is not None:
                return [target.path]
    return []


def _consumers(board: Board, asked: str) -> list[str]:
    names = dict.fromkeys(consumer.path for consumer in board.consumers)
    return [path for path in names if asked in (_last(path), _last(path).partition("@")[0])]


def _named(tree: Tree, asked: str) -> list[str]:
    return [node.path for node in tree.nodes() if asked in (node.name, node.base_name)] if asked else []


def _last(path: str) -> str:
    return path.rpartition("/")[2]


# ---- places -------------------------------------------------------------------------------------------------
def _place(asked: str) -> Target | None:
    try:
        if _NUMBER.fullmatch(asked):
            address = parse_address(asked)
            return Target(Kind.ADDRESS, hex(address), Span.sized(address, 1))
        match = _SPAN.fullmatch(asked)
        if match is None:
            return None
        start = parse_address(match[1])
        end = _end(start, match[2], match[3])
    except SceneError as error:
        raise UsageError(f"cannot read '{_cut(asked)}': {error}") from error
    if not start < end <= _ADDRESS_END:
        raise UsageError(f"'{_cut(asked)}' is no span: it ends where it starts, before it, or above 64 bits")
    return Target(Kind.SPAN, f"{start:#x}-{end:#x}", Span(start, end))


def _end(start: int, sign: str, text: str) -> int:
    if sign == "+":
        return start + parse_size(text)
    # The kernel's log has the last address behind the two dots.
    return parse_address(text) + (1 if sign == ".." else 0)


def _owned(boot: Boot, asked: str) -> Target | None:
    # Somebody who holds memory and is no node: the kernel, the tree, an area by its name.
    for area in boot.cma:
        if area.name == asked:
            return Target(Kind.SPAN, asked, Span.sized(area.base, area.size))
    held = [claim for claim in boot.claims if claim.who == asked]
    if held:
        return Target(Kind.SPAN, asked, Span(held[0].base, max(claim.base + claim.size for claim in held)))
    steps = [step for step in boot.trace if step.subject == asked]
    placed = [step for step in steps if step.base is not None and step.size]
    if placed:
        return Target(Kind.SPAN, asked, Span.sized(placed[-1].base or 0, placed[-1].size or 0))
    if steps:
        raise UsageError(f"'{_cut(asked)}' has no place in this boot: {steps[-1].reason}")
    return None


# ---- near names ---------------------------------------------------------------------------------------------
def _near(board: Board, boot: Boot, asked: str) -> list[str]:
    from difflib import get_close_matches

    wanted = asked[:_MAX_SHOWN].lower()
    names = list(dict.fromkeys(_all_names(board, boot)))
    lower = {name.lower(): name for name in names}
    found = [lower[name] for name in get_close_matches(wanted, list(lower), n=_MAX_NEAR, cutoff=0.5)]
    return found or [name for name in names if wanted.strip("/&") in name.lower()][:_MAX_NEAR]


def _all_names(board: Board, boot: Boot) -> Iterable[str]:
    by_path = asked_regions(boot)
    yield from by_path
    yield from (_last(path) for path in by_path)
    yield from (f"&{label}" for label in _labels(board.tree, by_path))
    for consumer in board.consumers:
        yield consumer.path
        yield _last(consumer.path)
    yield "default cma"


def asked_regions(boot: Boot) -> tuple[str, ...]:
    """Return the paths of all regions of a boot."""
    return tuple(region.path for region in boot.regions)


def _labels(tree: Tree, paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        label = tree.label_of(path)
        if label is not None:
            yield label


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."
