# SPDX-License-Identifier: Apache-2.0
"""A boot that is watched: what a search for free memory met, and how the state of single addresses changed.

An ordinary boot keeps the steps and their reasons. Explanations need more: the free ranges at one step, who held
what then, since when an address is taken. That is noted in a second run of the same boot, so that the first costs
nothing for it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from carveout.boot.memblock import Flag, Memblock
from carveout.boot.memblock_search import free_ascending, free_descending
from carveout.boot.result import Claim, Outcome, Step, StepKind
from carveout.boot.run import carry_out, prepare
from carveout.span import Span
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from carveout.board import Board
    from carveout.boot.memblock import MemblockRegion, MemblockRules
    from carveout.boot.result import Boot
    from carveout.boot.scene import Scene
    from carveout.boot.state import EarlyBoot

MAX_SEARCHES = 64
"""More searches than a person reads; keeps a tree with thousands of windows from filling memory."""


class Search(NamedTuple):
    """One search for free memory, and memory as it was then. Sizes and addresses in bytes."""

    step: int
    """Index into `Boot.trace` of the step that says how it ended; several searches can lead to one step."""
    size: int
    align: int
    start: int
    """The window is start <= a < end, after the limits that memblock itself puts on it."""
    end: int
    bottom_up: bool
    nid: int | None
    found: int
    """0: nothing fits."""
    free: tuple[Span, ...]
    """The free ranges in the window, in the order in which the kernel looks at them."""
    memory: tuple[MemblockRegion, ...]
    claims: tuple[Claim, ...]
    """Who held what, ascending: reservations, and no-map regions."""


class AddressState(NamedTuple):
    """What one address is at a moment."""

    is_ram: bool
    nomap: bool
    reserved: bool
    owners: tuple[str, ...]


class Event(NamedTuple):
    """A change of what an address is. step: index into `Boot.trace` of the step at whose end it was seen."""

    step: int
    state: AddressState


class Watched(NamedTuple):
    """A boot and what was noted in it."""

    boot: Boot
    searches: tuple[Search, ...]
    left_out: int
    """How many searches are not in `searches`: of more than MAX_SEARCHES the first ones and the last are kept."""
    states: dict[int, Search]
    """For each step asked for: memory as it was when the step was noted, as a search for nothing."""
    history: dict[int, tuple[Event, ...]]
    """For each address asked for, its changes in order; none for an address that nothing ever happened to."""


def watch(
    board: Board,
    scene: Scene,
    *,
    steps: Collection[int] = (),
    states: Collection[int] = (),
    addresses: Sequence[int] = (),
) -> Watched:
    """Run a boot again and note the searches that led to some steps, and the history of some addresses.

    steps, states: indices into the trace of the same boot. Raises as `boot` does.
    """
    state = prepare(board, scene)
    noted = _Notes(state, frozenset(steps), frozenset(states), addresses)
    state.mb = _WatchedMemblock(state.mb.rules, noted)
    state.trace = _WatchedTrace(noted)
    result = carry_out(state)
    return Watched(
        boot=result,
        searches=tuple(noted.searches),
        left_out=noted.left_out,
        states=noted.states,
        history={address: tuple(events) for address, events in noted.history.items()},
    )


_TAKING = (StepKind.RESERVE, StepKind.NOMAP)
"""Steps that concern an address even when they find it as they leave it."""


class _Notes:
    # What is noted while the boot runs.

    def __init__(
        self, state: EarlyBoot, steps: frozenset[int], states: frozenset[int], addresses: Sequence[int]
    ) -> None:
        self._state = state
        self._steps = steps
        self._wanted_states = states
        self.states: dict[int, Search] = {}
        self.searches: list[Search] = []
        self.left_out = 0
        self.history: dict[int, list[Event]] = {address: [] for address in addresses}
        self._last: dict[int, AddressState] = dict.fromkeys(addresses, _NOTHING)

    def next_step(self) -> int | None:
        """The index of the step that is being worked on, if its searches are wanted."""
        number = len(self._state.trace)
        return number if number in self._steps else None

    def add_search(self, search: Search) -> None:
        if len(self.searches) >= MAX_SEARCHES:
            self.searches.pop()
            self.left_out += 1
        self.searches.append(search._replace(claims=_claims(self._state)))

    def look(self, step: Step) -> None:
        """See what became of the addresses when a step is done."""
        state, number = self._state, len(self._state.trace) - 1
        if number in self._wanted_states:
            self._keep_state(number)
        memory, reserved = state.mb.memory, state.mb.reserved
        for address, last in self._last.items():
            at, taken = _holder(memory, address), _holder(reserved, address)
            is_in_step = (
                step.base is not None
                and step.size is not None
                and step.base <= address < step.base + step.size
            )
            nomap = at is not None and bool(at.flags & Flag.NOMAP)
            if not is_in_step and (at is not None, nomap, taken is not None) == last[:3]:
                continue
            owners = tuple(c.who for c in _claims(state) if c.base <= address < c.base + c.size)
            now = AddressState(at is not None, nomap, taken is not None, owners)
            if now != last or (is_in_step and step.kind in _TAKING):
                self._last[address] = now
                self.history[address].append(Event(number, now))

    def _keep_state(self, number: int) -> None:
        mb = self._state.mb
        self.states[number] = Search(
            step=number, size=0, align=1, start=0, end=self._state.mask, bottom_up=mb.bottom_up, nid=None, found=0,
            free=(), memory=mb.memory, claims=_claims(self._state),
        )  # fmt: skip


_NOTHING = AddressState(is_ram=False, nomap=False, reserved=False, owners=())


class _WatchedTrace(list[Step]):
    # The trace of a boot; whoever adds a step has done what it says.

    def __init__(self, notes: _Notes) -> None:
        super().__init__()
        self._notes = notes

    def append(self, step: Step) -> None:
        super().append(step)
        self._notes.look(step)


class _WatchedMemblock(Memblock):
    def __init__(self, rules: MemblockRules, notes: _Notes) -> None:
        super().__init__(rules)
        self._notes = notes

    def find(
        self, size: int, align: int, start: int, end: int, *, nid: int | None = None, flags: int = Flag.NONE
    ) -> int:
        step = self._notes.next_step()
        if step is None:
            return super().find(size, align, start, end, nid=nid, flags=flags)
        request = self._request(align, start, end, nid, flags)
        walk = free_ascending if self.bottom_up else free_descending
        ranges = walk(self._memory, self._reserved, request.which, request.start, request.end)
        free = tuple(Span(low, high) for low, high in ranges)
        found = super().find(size, align, start, end, nid=nid, flags=flags)
        self._notes.add_search(
            Search(
                step=step, size=size, align=align, start=request.start, end=request.end,
                bottom_up=self.bottom_up, nid=nid, found=found, free=free, memory=self.memory, claims=(),
            )
        )  # fmt: skip
        return found


def _claims(state: EarlyBoot) -> tuple[Claim, ...]:
    # The ledger has what is reserved; a no-map region may only be a flag, or a gap in RAM.
    held = {Claim(start, end - start, who) for start, end, who in state.ledger.claims}
    for region in state.regions:
        if (
            region.node.no_map
            and region.outcome is Outcome.PLACED
            and region.base is not None
            and region.size
        ):
            held.add(Claim(region.base, region.size, region.node.path))
            held.update(Claim(span.start, span.size, region.node.path) for span in region.extra)
    return tuple(sorted(held))


def _holder(regions: Sequence[MemblockRegion], address: int) -> MemblockRegion | None:
    index = bisect_right(regions, address, key=_base) - 1
    return regions[index] if index >= 0 and address < regions[index].end else None


def _base(region: MemblockRegion) -> int:
    return region.base
