# SPDX-License-Identifier: Apache-2.0
"""Changes that would give a region its place, each booted before it is named.

    found = find_remedies(board, scene, "/reserved-memory/linux,cma")
    for remedy in found.remedies: print(remedy.what, hex(remedy.base))

A change helps when the region is placed where its devices reach it, nobody else loses what it had, and the boot
survives. Only a bounded number of changes is tried; that none was found does not mean that there is none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.boot import boot
from carveout.boot.result import BootOutcome, Outcome, StepKind
from carveout.change.reach import out_of_reach
from carveout.change.trial import attempt, region_at
from carveout.check.fix import apply_edits
from carveout.errors import CarveoutError
from carveout.fdt.edit import set_reserve_map
from carveout.span import MIB, Span
from carveout.values import NamedTuple, dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carveout.board import Board
    from carveout.boot import Boot, Scene
    from carveout.boot.result import ConsumerResult, Exactness, PlacedRegion
    from carveout.check.model import Edit
    from carveout.fdt import Tree

MOST_BOOTS = 160
"""So many changes are booted for one region at most."""
_FEWEST_BOOTS = 12
_MOST_REGIONS = 32_000
"""Boards with many regions take longer to boot: fewer boots, so that they set up no more regions than this."""


class RemedyKind(StrEnum):
    """What a remedy changes."""

    SIZE = "size"
    ALIGNMENT = "alignment"
    ALLOC_RANGES = "alloc-ranges"
    MOVE = "move"
    """Somebody else, or the region itself, lies elsewhere."""
    SHRINK_OTHER = "shrink-other"
    MEMORY = "memory"
    """More RAM."""
    FLAGS = "flags"
    FORM = "form"
    """A property that the kernel could not read is as it expects it."""
    COMMAND_LINE = "command-line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something to try: edits of the tree, another scene, or both."""

    kind: RemedyKind
    what: str
    """What to change, as a sentence without a full stop."""
    edits: tuple[Edit, ...] = ()
    scene: Scene | None = None
    """The scene to boot in; None: the one there was."""
    reserve_map: tuple[tuple[int, int], ...] | None = None
    """The memory reservation block; None: the one there was."""
    caution: str = ""
    """What else has to agree to it; empty: nothing that is known."""

    def apply(self, tree: Tree) -> Tree:
        """Return the tree with the change made. Raises: EditError."""
        changed = apply_edits(tree, self.edits)
        return changed if self.reserve_map is None else set_reserve_map(changed, self.reserve_map)


class Remedy(NamedTuple):
    """A change that was booted and helps."""

    change: Change
    base: int
    """Where the region lies then."""
    size: int
    pool: str | None
    exactness: Exactness
    moves: tuple[tuple[str, int, int], ...]
    """Other regions that get another place by it: (path, base before, base after)."""
    unserved: tuple[ConsumerResult, ...] = ()
    """Who asks for the region and is refused all the same."""

    @property
    def kind(self) -> RemedyKind:
        """What it changes."""
        return self.change.kind

    @property
    def what(self) -> str:
        """What to change, as a sentence."""
        return self.change.what


class Remedies(NamedTuple):
    """What was found, and how many changes were booted for it."""

    remedies: tuple[Remedy, ...]
    tried: int


class Trials:
    """Boots changes of one tree, and counts them."""

    def __init__(
        self,
        board: Board,
        scene: Scene,
        path: str,
        *,
        most: int = MOST_BOOTS,
        before: Boot | None = None,
        use: tuple[str, int] | None = None,
    ) -> None:
        """Ask for the region at `path` to be placed. Raises as `boot` does.

        before: the boot of the tree as it is, when there is one already. use: a device's path and the index of its
        memory-region which must be served as well.
        """
        self.board = board
        self.scene = scene
        self.path = path
        self.before = before or boot(board, scene)
        self.tried = 0
        self._use = use
        self._unreached = out_of_reach(board, self.before).keys()
        share = _MOST_REGIONS // max(len(self.before.regions), 1)
        self._most = min(most, max(share, _FEWEST_BOOTS))

    @property
    def is_spent(self) -> bool:
        """Whether no more boots are allowed."""
        return self.tried >= self._most

    def test(self, change: Change | Callable[[], Change]) -> Remedy | None:
        """Boot a change; None when it does not help, cannot be written, or no more boots are allowed.

        change: or what makes it, for one that the cells of the tree may have no room for.
        """
        if self.is_spent:
            return None
        self.tried += 1
        try:
            if not isinstance(change, Change):
                change = change()
            tree = change.apply(self.board.tree)
            # Another length of the blob is a guess at the one that will be built.
            is_made_here = self.board.is_made_here or len(tree.blob) != len(self.board.tree.blob)
            trial = attempt(tree, [change.scene or self.scene], is_made_here=is_made_here)
        except CarveoutError:
            return None
        after = trial.boots[0]
        # The kernel would not mind, but the device would be given addresses that its bus cannot carry.
        if out_of_reach(trial.board, after).keys() - self._unreached:
            return None
        return self._judge(change, after)

    def largest(self, low: int, high: int, make: Callable[[int], Change]) -> Remedy | None:
        """Return the remedy with the largest number that helps, low <= number <= high, by halving.

        Smaller numbers are taken to help wherever a larger one does.
        """
        best = self.test(make(high)) if high >= low else None
        if best is not None:
            return best
        high -= 1
        while low <= high and not self.is_spent:
            middle = (low + high + 1) // 2
            found = self.test(make(middle))
            if found is None:
                high = middle - 1
            else:
                best, low = found, middle + 1
        return best

    def _judge(self, change: Change, after: Boot) -> Remedy | None:
        region = region_at(after, self.path)
        if region is None or region.outcome is not Outcome.PLACED or region.base is None or not region.size:
            return None
        if after.outcome is not BootOutcome.OK or _is_on_others(after, region) or self._harms(after):
            return None
        if self._use is not None and not _is_served(after, self._use):
            return None
        unserved = tuple(use for use in after.consumers if use.region == self.path and use.errno is not None)
        if unserved and change.kind is RemedyKind.FLAGS and self._use is None:
            return None  # another kind of pool, which nobody gets
        moves = self._moves(after, {self.path, *(edit.path for edit in change.edits)})
        return Remedy(change, region.base, region.size, region.pool, region.exactness, moves, unserved)

    def _harms(self, after: Boot) -> bool:
        # Whether anybody loses what it had: a region its place or its driver, a device its region.
        now = {region.path: region for region in after.regions}
        for region in self.before.regions:
            then = now.get(region.path)
            if region.path == self.path or region.outcome is not Outcome.PLACED:
                continue
            if then is None or then.outcome is not Outcome.PLACED or (region.pool and not then.pool):
                return True
        served = {(use.path, use.index) for use in after.consumers if use.errno is None}
        if any(use.errno is None and (use.path, use.index) not in served for use in self.before.consumers):
            return True
        had_default = any(area.is_default for area in self.before.cma)
        return had_default and not any(area.is_default for area in after.cma)

    def _moves(self, after: Boot, meant: set[str]) -> tuple[tuple[str, int, int], ...]:
        # meant: the regions that the change itself is about.
        now = {region.path: region.base for region in after.regions}
        return tuple(
            (region.path, region.base, base)
            for region in self.before.regions
            if region.path not in meant
            and region.base is not None
            and (base := now.get(region.path)) is not None
            and base != region.base
        )


def find_remedies(
    board: Board, scene: Scene, path: str, *, most: int = MOST_BOOTS, before: Boot | None = None
) -> Remedies:
    """Return changes that would place the region at `path`, those that change least first within their kind.

    most: so many changes are booted at most. before: the boot of the board as it is, when there is one already.
    Empty when the region is placed already, or RAM is not known. Raises as `boot` does.
    """
    from carveout.change.candidates import candidates

    trials = Trials(board, scene, path, most=most, before=before)
    region = region_at(trials.before, path)
    if region is None or region.outcome is Outcome.PLACED or not trials.before.ram_known:
        return Remedies((), 0)
    found = [remedy for remedy in candidates(trials, region) if remedy is not None]
    return Remedies(tuple(_distinct(found)), trials.tried)


def find_use_remedies(
    board: Board, scene: Scene, use: tuple[str, int], *, most: int = MOST_BOOTS, before: Boot | None = None
) -> Remedies:
    """Return changes by which a device gets a region that is placed, and that it is refused.

    use: the device's path, and the index of its memory-region. The other arguments are those of `find_remedies`.
    Empty when it is served already, or its region has no place. Raises as `boot` does.
    """
    from carveout.change.candidates import use_candidates

    result = before or boot(board, scene)
    entry = next((e for e in result.consumers if (e.path, e.index) == use), None)
    region = region_at(result, entry.region) if entry is not None and entry.region is not None else None
    if entry is None or entry.errno is None or region is None or region.outcome is not Outcome.PLACED:
        return Remedies((), 0)
    trials = Trials(board, scene, region.path, most=most, before=result, use=use)
    found = [remedy for remedy in use_candidates(trials, region, use[0]) if remedy is not None]
    return Remedies(tuple(_distinct(found)), trials.tried)


def find_smaller_default(board: Board, scene: Scene, *, before: Boot | None = None) -> Remedies:
    """Return the largest default area, as `cma=`, that the kernel can make where it cannot make the one asked for.

    before: the boot of the board as it is, when there is one already. Empty when there is one already, or this kernel never makes one. Raises as `boot` does.
    """
    from carveout.boot.cma import min_alignment

    before = before or boot(board, scene)
    failed = [s for s in before.trace if s.subject == "default cma" and s.kind is StepKind.FAIL and s.size]
    if not failed or any(area.is_default for area in before.cma):
        return Remedies((), 0)
    block = max(min_alignment(before.profile), MIB)
    low, high, tried = 1, (failed[-1].size or 0) // block, 0
    best: Remedy | None = None
    while low <= high:
        middle, tried = (low + high + 1) // 2, tried + 1
        change = _smaller_cma(scene, before, middle * block)
        after = boot(board, change.scene)
        area = next((area for area in after.cma if area.is_default), None)
        if area is None or after.outcome is not BootOutcome.OK:
            high = middle - 1
        else:
            best, low = Remedy(change, area.base, area.size, "cma", area.exactness, ()), middle + 1
    return Remedies((best,) if best is not None else (), tried)


def _smaller_cma(scene: Scene, before: Boot, size: int) -> Change:
    words = [word for word in before.scene.cmdline.split() if not word.startswith("cma=")]
    option = f"cma={size // MIB}M"
    return Change(
        kind=RemedyKind.COMMAND_LINE,
        what=f"{option} on the command line",
        scene=replace(scene, cmdline=" ".join([*words, option])),
    )


def _is_served(after: Boot, use: tuple[str, int]) -> bool:
    return any((entry.path, entry.index) == use and entry.errno is None for entry in after.consumers)


def _distinct(found: list[Remedy]) -> Iterator[Remedy]:
    seen: set[str] = set()
    for remedy in found:
        if remedy.what not in seen:
            seen.add(remedy.what)
            yield remedy


def _is_on_others(after: Boot, region: PlacedRegion) -> bool:
    # A place that somebody else holds is none, although the kernel may not mind.
    if region.base is None or not region.size:
        return False
    span = Span.sized(region.base, region.size)
    if any(
        span.overlaps(Span.sized(claim.base, claim.size))
        for claim in after.claims
        if claim.who != region.path and claim.size
    ):
        return True
    return any(
        other.nomap and other.base is not None and other.size is not None and other.path != region.path
        and other.outcome is Outcome.PLACED and span.overlaps(Span.sized(other.base, other.size))
        for other in after.regions
    )  # fmt: skip
