# SPDX-License-Identifier: Apache-2.0
"""Dynamic regions given the place that the kernel gives them, by a `reg` of their own.

A node with `reg` and `size` is static to Linux, whatever else it has: `size`, `alignment` and `alloc-ranges` stay
as they are. The name stays too, since aliases, symbols, overlays and boot loaders refer to nodes by path.

A `reg` changes the order of things: static regions come before dynamic ones, and what is allocated later sees other
neighbours. So the result is booted in every scene, and what does not come out as promised is not handed out. Where
the kernels of the scenes choose different places, or the kernel's own place does not work as a fixed one, a place
that is good in all scenes is looked for: first those that one scene's kernel chose, then from the top of the memory
that is free in all of them, as the kernel searches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import BootOutcome, Outcome, RegionKind
from carveout.change.pin_check import NewFindings, Obstacle, obstacles
from carveout.change.pin_search import Search, Wish
from carveout.change.proposal import Proposal, propose, setting
from carveout.change.reach import windows_of
from carveout.change.trial import Trial, attempt
from carveout.errors import UsageError
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from carveout.board import Board
    from carveout.boot.result import PlacedRegion
    from carveout.check.model import Finding
    from carveout.check.run import NamedScene
    from carveout.fdt import Tree
    from carveout.span import Span

MAX_TRIALS = 48
"""Trees that are booted in every scene before a search is given up. What a kernel would choose is found in one or
two; the rest is for boards whose scenes leave little in common."""
MAX_BOOTS = 4000
"""Boots after which a search is given up, however few trees that were: there may be a thousand scenes."""

_CELLS_DEFAULT = 1
_NAME_THEM_TOO = "a fixed place changes what the kernel does for others: name these regions too, or pin all"


class PinnedRegion(NamedTuple):
    """A region with the place it was given, and what each scene's kernel would have done without."""

    path: str
    place: Span
    before: tuple[PlacedRegion | None, ...]
    """In the order of the scenes; None where the kernel does not see the node."""

    @property
    def is_kernels_choice(self) -> bool:
        """Every scene's kernel would have put it there."""
        return all(region is not None and region.base == self.place.start for region in self.before)


class Pin(NamedTuple):
    """The result: a tree with pinned regions, or the reasons why there is none."""

    scenes: tuple[NamedScene, ...]
    before: Trial
    regions: tuple[PinnedRegion, ...] = ()
    proposal: Proposal | None = None
    """None: it cannot be done."""
    after: Trial | None = None
    reasons: tuple[str, ...] = ()
    """Why it cannot be done, as sentences."""
    left: tuple[tuple[str, str], ...] = ()
    """Dynamic regions that were not asked for by name and are not pinned, with the reason."""
    trials: int = 0
    """How many trees were booted in every scene."""


def pin(
    tree: Tree, scenes: Sequence[NamedScene], names: Sequence[str] = (), *, is_made_here: bool = False
) -> Pin:
    """Give regions a fixed place. names: paths, names or labels of the ones to pin; all dynamic ones without.

    Raises: UsageError when a name means no dynamic region, RAM is not known, or a boot does not survive as it is.
    """
    scenes = tuple(scenes)
    before = attempt(tree, [named.scene for named in scenes], is_made_here=is_made_here)
    _refuse_boots(scenes, before)
    chosen = [_named(name, before) for name in names] or _dynamic_paths(before)
    chosen = list(dict.fromkeys(chosen))
    left, reasons = [], []
    for path in list(chosen):
        why = _why_not(path, scenes, before)
        if why is not None:
            chosen.remove(path)
            if names or all(region is None or region.base is None for region in before.regions(path)):
                reasons.append(f"{path}: {why}")
            else:
                left.append((path, why))
    if reasons and chosen and not names:
        reasons.append(f"to pin the others alone, name them: {', '.join(chosen)}")
    result = Pin(scenes, before, left=tuple(left), reasons=tuple(reasons))
    if reasons or not chosen:
        return result._replace(
            proposal=None if reasons else propose(tree, []), after=None if reasons else before
        )
    return _place(tree, result, chosen, is_made_here=is_made_here)


def _refuse_boots(scenes: Sequence[NamedScene], before: Trial) -> None:
    for named, result in zip(scenes, before.boots, strict=True):
        if not result.ram_known:
            raise UsageError(
                f"RAM is not known ({named.name}), so no kernel's choice is: say --memory SIZE@BASE"
            )
        if result.outcome is not BootOutcome.OK:
            why = f": {result.failure}" if result.failure else ""
            raise UsageError(
                f"the board does not survive early boot as it is ({named.name}, {result.outcome}{why})"
            )


def _dynamic_paths(before: Trial) -> list[str]:
    return [
        node.path
        for parent in before.board.reserved_memory
        for node in parent.regions
        if any(
            region is not None and region.kind is RegionKind.DYNAMIC and region.outcome is not Outcome.IGNORED
            for region in before.regions(node.path)
        )
    ]


def _named(name: str, before: Trial) -> str:
    nodes = [node for parent in before.board.reserved_memory for node in parent.regions]
    wanted = name.removeprefix("&")
    for matches in (
        [node.path for node in nodes if name in (node.path, node.name)],
        [node.path for node in nodes if before.board.tree.label_of(node.path) == wanted],
        [node.path for node in nodes if node.name.partition("@")[0] == name],
    ):
        if len(matches) > 1:
            raise UsageError(f"'{name}' means {' and '.join(matches)}: give the path")
        if matches:
            return matches[0]
    dynamic = _dynamic_paths(before)
    listed = ", ".join(dynamic) if dynamic else "it has no dynamic region"
    raise UsageError(f"the board has no region '{name}'; its dynamic regions: {listed}")


def _why_not(path: str, scenes: Sequence[NamedScene], before: Trial) -> str | None:
    found = [
        (named.name, region) for named, region in zip(scenes, before.regions(path), strict=True) if region
    ]
    if any(region.kind is RegionKind.STATIC for _, region in found):
        return "it is static: its place is in the tree already"
    if not any(region.outcome is Outcome.PLACED for _, region in found):
        return _joined((name, f"{region.outcome}: {region.why}") for name, region in found)
    for name, region in found:
        if region.size == 0:
            return "its size is 0"
        if region.outcome not in (Outcome.PLACED, Outcome.ALLOC_FAILED):
            return f"{region.outcome} ({name}): {region.why}"
    return None


def _joined(reasons: Iterable[tuple[str, str]]) -> str:
    by_text: dict[str, list[str]] = {}
    for name, text in reasons:
        by_text.setdefault(text, []).append(name)
    return "; ".join(f"{text} ({', '.join(names)})" for text, names in by_text.items())


def _place(tree: Tree, result: Pin, chosen: Sequence[str], *, is_made_here: bool) -> Pin:
    # Try places until a tree boots as it should.
    before, scenes = result.before, result.scenes
    plain = [named.scene for named in scenes]
    wishes = [_wish(before, path) for path in chosen]
    search = Search(tree, plain, wishes)
    findings = NewFindings(scenes, before.board)
    most = max(2, min(MAX_TRIALS, MAX_BOOTS // len(scenes)))
    reasons: tuple[str, ...] = ()
    for trials in range(1, most + 1):
        places = search.next()
        if places is None:
            return result._replace(reasons=(*search.reasons(scenes), *reasons), trials=trials - 1)
        if wrong := _too_wide(before.board, places):
            return result._replace(reasons=wrong, trials=trials - 1)
        proposal = propose(
            tree, [setting(path, "reg", _reg(before.board, span)) for path, span in places.items()]
        )
        after = attempt(proposal.after, plain, is_made_here=is_made_here)
        regions = tuple(PinnedRegion(path, span, before.regions(path)) for path, span in places.items())
        found = list(obstacles(scenes, before, after, places))
        if not found and not all(region.is_kernels_choice for region in regions):
            found = _as_obstacles(findings.of(after.board), places)
        if not found:
            return result._replace(regions=regions, proposal=proposal, after=after, trials=trials)
        reasons = tuple(obstacle.text for obstacle in found)
        if any(obstacle.is_about_others for obstacle in found):
            return result._replace(reasons=(*reasons, _NAME_THEM_TOO), trials=trials)
        search.refuse(places, {o.path for o in found} & places.keys() or places.keys())
    tried = f"{most} arrangements were booted, and none was good in every scene; of the last:"
    return result._replace(reasons=(tried, *reasons), trials=most)


def _as_obstacles(problems: Iterable[Finding], places: Mapping[str, Span]) -> list[Obstacle]:
    found = []
    for problem in problems:
        about = [path for path in (problem.path, *problem.related) if path in places]
        text = f"{problem.path}: {problem.message} [{problem.code}]"
        found.append(Obstacle(about[0] if about else "", text))
    return found


def _wish(before: Trial, path: str) -> Wish:
    regions = [region for region in before.regions(path) if region is not None]
    sizes = {region.requested_size for region in regions if region.requested_size is not None}
    return Wish(
        path=path,
        size=max(sizes, default=0),
        align=max((region.align or 1 for region in regions), default=1),
        windows=windows_of(before.board, regions[0]),
        choices=tuple(region.base if region is not None else None for region in before.regions(path)),
    )


def _root_cells(board: Board) -> tuple[int, int]:
    address, size = board.root_cells
    return (
        _CELLS_DEFAULT if address is None else address,
        _CELLS_DEFAULT if size is None else size,
    )


def _too_wide(board: Board, places: Mapping[str, Span]) -> tuple[str, ...]:
    address, size = _root_cells(board)
    return tuple(
        f"{path}: 0x{span.start:x} with size 0x{span.size:x} does not fit the root's cells ({address} and {size})"
        for path, span in places.items()
        if span.start >> (32 * address) or span.size >> (32 * size)
    )


def _reg(board: Board, place: Span) -> bytes:
    address, size = _root_cells(board)
    return place.start.to_bytes(4 * address, "big") + place.size.to_bytes(4 * size, "big")
