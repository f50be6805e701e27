# SPDX-License-Identifier: Apache-2.0
"""A layout booted: whether every kernel asked for puts the regions there, and what becomes of everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Outcome
from carveout.change.effects import effects, holdings, ram_of
from carveout.change.place_node import additions, region_path
from carveout.change.proposal import propose
from carveout.change.trial import region_at
from carveout.span import Span, subtract
from carveout.units import format_range
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.boot import Boot
    from carveout.change.effects import Effect
    from carveout.change.lab import Lab
    from carveout.change.place_node import Parent
    from carveout.change.place_search import Layout
    from carveout.change.proposal import Proposal
    from carveout.change.request import Wanted
    from carveout.change.trial import Trial


class SceneEffect(NamedTuple):
    """An effect, and the scene it was seen in (an index)."""

    scene: int
    effect: Effect


class Verdict(NamedTuple):
    """What the boots say about a layout."""

    layout: Layout
    proposal: Proposal
    trial: Trial
    problems: tuple[str, ...]
    """Why a region is not what was asked for, as sentences; empty: all of them are."""
    effects: tuple[SceneEffect, ...]

    @property
    def is_accepted(self) -> bool:
        """All regions are where and what they should be, and all that worked works."""
        return not self.problems and not any(found.effect.is_loss for found in self.effects)

    @property
    def moved(self) -> frozenset[str]:
        """What is somewhere else now."""
        return frozenset(found.effect.subject for found in self.effects if not found.effect.is_loss)

    @property
    def objections(self) -> tuple[str, ...]:
        """Why it is not accepted."""
        losses = [
            f"{found.effect.subject} {found.effect.text}" for found in self.effects if found.effect.is_loss
        ]
        return (*self.problems, *losses)


def judge(lab: Lab, parent: Parent, wanted: Sequence[Wanted], layout: Layout) -> Verdict:
    """Boot a tree with the regions at these places, in every scene. Raises: OutOfBoots."""
    spots = list(zip(wanted, layout, strict=True))
    proposal = propose(lab.tree, additions(lab.tree, parent, spots))
    trial = lab.attempt(proposal.after)
    paths = [region_path(parent, want, base) for want, base in spots]
    problems: list[str] = []
    found: list[SceneEffect] = []
    for index, (before, after) in enumerate(zip(lab.base.boots, trial.boots, strict=True)):
        found += [
            SceneEffect(index, effect) for effect in effects(lab.base.board, before, after, besides=paths)
        ]
        for (want, base), path in zip(spots, paths, strict=True):
            problems += [lab.in_scene(index, text) for text in _problems(after, want, base, path)]
    return Verdict(layout, proposal, trial, tuple(problems), tuple(found))


def _problems(boot: Boot, wanted: Wanted, base: int, path: str) -> Iterator[str]:
    # What keeps a region from being what was asked for. The place is not named: the same reason counts as one.
    place = Span.sized(base, wanted.size)
    region = region_at(boot, path)
    if region is None:
        yield f"{wanted.name}: the kernel sees no such node"
        return
    pool = wanted.request.kind.pool
    why = f": {region.why}" if region.why else ""
    if region.outcome is not Outcome.PLACED or (region.base, region.size) != (place.start, place.size):
        yield f"{wanted.name} is {region.outcome}{why}"
    elif pool is not None and region.pool != pool:
        yield f"{wanted.name}: the kernel makes no {pool} pool of it{why}"
    if subtract([place], ram_of(boot)):
        yield f"{wanted.name} is not in RAM"
    for span, who in holdings(boot):
        if who != path and span.overlaps(place):
            yield f"{wanted.name} overlaps {who} at {format_range(span)}"
    if any(area.from_region == path and not area.activated for area in boot.cma):
        yield f"{wanted.name} crosses the border of two zones: nobody could allocate from it"
    for use in boot.consumers:
        if use.region == path and use.path == wanted.request.device and use.errno is not None:
            yield f"{use.path} gets -{use.errno} for {wanted.name}: {use.message}"
