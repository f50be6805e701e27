# SPDX-License-Identifier: Apache-2.0
"""A tree in the words of 2013 (and of other drafts) in the words of today's binding.

Several passes, each over the tree that the one before left: devices, cells that never came to be, regions, the crash
kernel's header, ranges of the root. What has no one equivalent is asked, and nothing is handed out while a question
is open. The result is booted: a region that today's kernel would not keep is a reason to refuse it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.boot.result import BootOutcome, Outcome
from carveout.change.answers import Answers, Question
from carveout.change.proposal import (
    Change,
    GoneNode,
    Proposal,
    RenamedNode,
    propose,
    removing,
    setting,
)
from carveout.change.trial import Trial, attempt, region_at
from carveout.change.upgrade_others import (
    into_reserved_memory,
    not_translated,
    upgraded_cells,
    upgraded_devices,
    upgraded_header,
    upgraded_ranges,
)
from carveout.change.upgrade_regions import upgraded_regions
from carveout.check.context import BoardContext
from carveout.errors import UsageError
from carveout.fdt.tree import SYMBOLS_PATH, encode
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.boot import Boot
    from carveout.change.upgrade_regions import NewRegion
    from carveout.check.run import NamedScene
    from carveout.fdt import Tree

_KEPT = (Outcome.PLACED, Outcome.UNKNOWN)


class Upgraded(NamedTuple):
    """What was done to one node."""

    path: str
    """Where it is now."""
    was: str
    """Where it was."""
    done: tuple[str, ...]
    """In words."""


class Upgrade(NamedTuple):
    """The result: a tree in today's words, or questions, or reasons why it cannot be had."""

    proposal: Proposal
    """What is certain; complete when there is no question."""
    nodes: tuple[Upgraded, ...]
    questions: tuple[Question, ...]
    left: tuple[tuple[str, str], ...]
    """(path, what a person has to do)."""
    before: Trial
    after: Trial
    reasons: tuple[str, ...]
    """Why the tree is not handed out: what today's kernel would make of it."""

    @property
    def is_done(self) -> bool:
        """The tree can be handed out."""
        return not self.questions and not self.reasons


def upgrade(
    tree: Tree,
    scenes: Sequence[NamedScene],
    answers: Iterable[tuple[str, str]] = (),
    *,
    is_made_here: bool = False,
) -> Upgrade:
    """Rewrite a tree. answers: (path, choice) to questions that an attempt without them asks.

    Raises: UsageError for an answer to no question, an overlay, or a name that two regions would have.
    """
    if any(tree.node(path) is not None for path in ("/__fixups__", "/__local_fixups__")):
        raise UsageError("this is an overlay: upgrade takes a whole tree")
    given = tuple(answers)
    work = _Work(tree, Answers(given))
    work.devices()
    work.regions()
    work.ranges(wanted=("/", "regions") in given)
    work.answers.refuse_unused()
    left = {**dict(not_translated(work.context())), **work.left}
    proposal = Proposal(tree, tuple(work.changes), work.tree)
    plain = [named.scene for named in scenes]
    before = attempt(tree, plain, is_made_here=is_made_here)
    after = attempt(work.tree, plain, is_made_here=is_made_here) if work.changes else before
    reasons: tuple[str, ...] = ()
    if not work.answers.open:
        reasons = tuple(_reasons(scenes, before, after, work.nodes))
    return Upgrade(
        proposal, tuple(work.nodes), tuple(work.answers.open), tuple(left.items()), before, after, reasons
    )


class _Work:
    # The tree on its way, and what was done to it.
    def __init__(self, tree: Tree, answers: Answers) -> None:
        self.tree = tree
        self.answers = answers
        self.changes: list[Change] = []
        self.nodes: list[Upgraded] = []
        self.left: dict[str, str] = {}

    def context(self) -> BoardContext:
        return BoardContext(read_board(self.tree))

    def make(self, changes: Iterable[Change]) -> None:
        made = tuple(changes)
        self.tree = propose(self.tree, made).after
        self.changes += made

    def devices(self) -> None:
        for find in (upgraded_devices, upgraded_cells):
            for path, done, changes in list(find(self.context(), self.answers)):
                self.nodes.append(Upgraded(path, path, (done,)))
                self.make(changes)

    def regions(self) -> None:
        context = self.context()
        found = list(upgraded_regions(context, self.answers, self.left))
        for region in found:
            if not region.moves:
                self._in_place(region)
        self._move(context, [region for region in found if region.moves])
        for path, done, changes in list(upgraded_header(self.context(), self.left)):
            self.nodes.append(Upgraded(path, path, (done,)))
            self.make(changes)

    def _in_place(self, region: NewRegion) -> None:
        node = self.tree.node(region.path)
        if node is None:
            return
        path = region.path
        if region.content.name != node.name:
            renamed = RenamedNode(path, region.content.name)
            self.make([renamed, *self._new_paths(path, renamed.new_path)])
            path = renamed.new_path
        old = {prop.name: bytes(prop.value) for prop in node.properties}
        new = region.content.properties
        edits = [removing(path, name) for name in old if name not in new]
        edits += [setting(path, name, value) for name, value in new.items() if old.get(name) != value]
        self.make(edits)
        self.nodes.append(Upgraded(path, region.path, region.done))

    def _move(self, context: BoardContext, regions: Sequence[NewRegion]) -> None:
        if not regions:
            return
        parent = context.reserved_memory
        into = parent.path if parent is not None else "/reserved-memory"
        taken = {node.name for node in parent.node.children} if parent is not None else set()
        labels: dict[str, str] = {}
        paths: list[Change] = []
        for region in regions:
            name = region.content.name
            if name in taken:
                raise UsageError(
                    f"{region.path}: {into} has a node {name!r} already; give one of them another name"
                )
            taken.add(name)
            label = self.tree.label_of(region.path)
            if label is not None:
                labels[name] = label
            paths += self._new_paths(region.path, f"{into}/{name}")
            self.nodes.append(Upgraded(f"{into}/{name}", region.path, region.done))
        self.make([GoneNode(region.path) for region in regions])
        self._remove_empty(regions)
        self.make(into_reserved_memory(context, [region.content for region in regions], labels))
        self.make(paths)

    def _remove_empty(self, regions: Sequence[NewRegion]) -> None:
        # The old parent, once nothing is left in it.
        for path in dict.fromkeys(region.path.rpartition("/")[0] for region in regions):
            node = self.tree.node(path) if path else None
            if node is not None and not node.children:
                self.make([GoneNode(path)])

    def _new_paths(self, old: str, new: str) -> list[Change]:
        # Symbols and aliases that name a node by its path.
        found: list[Change] = []
        for holder in ("/aliases", SYMBOLS_PATH):
            node = self.tree.node(holder)
            for prop in node.properties if node is not None else ():
                value = bytes(prop.value)
                if value.rstrip(b"\0") == encode(old) or value.startswith(encode(old) + b"/"):
                    found.append(setting(holder, prop.name, encode(new) + value[len(encode(old)) :]))
        return found

    def ranges(self, *, wanted: bool) -> None:
        for path, done, changes in list(upgraded_ranges(self.context(), self.answers, wanted)):
            self.nodes.append(Upgraded(path, path, (done,)))
            self.make(changes)


def _reasons(
    scenes: Sequence[NamedScene], before: Trial, after: Trial, nodes: Iterable[Upgraded]
) -> Iterable[str]:
    found: dict[str, list[str]] = {}
    for named, old, new in zip(scenes, before.boots, after.boots, strict=True):
        for text in _of_one_boot(old, new, nodes):
            found.setdefault(text, []).append(named.name)
    return (f"{text} ({', '.join(names)})" for text, names in found.items())


def _of_one_boot(old: Boot, new: Boot, nodes: Iterable[Upgraded]) -> Iterable[str]:
    if new.outcome is not BootOutcome.OK and old.outcome is BootOutcome.OK:
        yield f"the boot ends in a {new.outcome}" + (f": {new.failure}" if new.failure else "")
        return
    for node in nodes:
        region, past = region_at(new, node.path), region_at(old, node.was)
        if region is None or region.outcome in _KEPT or "status" in region.why:
            continue
        if past is None or past.outcome is not region.outcome:
            yield f"{node.path} would not be kept: {region.outcome}, {region.why or 'no reason is known'}"
    moved = {node.was: node.path for node in nodes}
    had = {(use.path, use.index): use for use in old.consumers}
    for use in new.consumers:
        past_use = had.get((use.path, use.index))
        if past_use is None or past_use.errno is not None or use.errno is None:
            continue
        if moved.get(past_use.region or "", past_use.region) == use.region:
            yield f"{use.path} would not get {use.region}: {use.message or use.errno}"
