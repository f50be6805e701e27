# SPDX-License-Identifier: Apache-2.0
"""`fit` on random boards: what it names works, and one step further does not, judged without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import assume, given, settings

from carveout.board import read_board
from carveout.boot.run import boot
from carveout.change.effects import DEFAULT_AREA
from carveout.change.fit import Fit, fit
from carveout.change.fit_ram import memory_groups, search_ram
from carveout.change.lab import Lab
from carveout.check.run import NamedScene
from carveout.fdt.edit import set_property
from carveout.span import MIB, Span, subtract, union
from carveout.values import replace
from support.random_boards import Case, cases

if TYPE_CHECKING:
    from carveout.boot.result import Boot

few = settings(max_examples=max(8, settings().max_examples // 6))
STEP = 16 * MIB


def searched(case: Case) -> Fit | None:
    lab = Lab(case.board.tree, [NamedScene("one", case.scene)], most=1500)
    return fit(lab, ram_step=STEP) if lab.base.boots[0].outcome == "ok" else None


def cut(banks: tuple[Span, ...], total: int) -> tuple[Span, ...]:
    kept = []
    for bank in sorted(banks):
        if total > 0:
            kept.append(Span(bank.start, min(bank.end, bank.start + total)))
            total -= bank.size
    return tuple(kept)


def suffers(before: Boot, after: Boot) -> bool:
    """Say whether anything that worked does not."""
    if after.outcome != "ok":
        return True
    ram_before, ram_after = (
        union(Span.sized(entry.base, entry.size) for entry in result.memory) for result in (before, after)
    )
    given, left = union(before.scene.memory), union(after.scene.memory)
    for image in (before.scene.kernel_image, before.scene.dtb, before.scene.initrd):
        if image is not None and not subtract([image], given) and subtract([image], left):
            return True
    now = {region.path: region for region in after.regions}
    for region in before.regions:
        if region.outcome != "placed" or region.base is None or not region.size:
            continue
        here = now[region.path]
        if here.outcome != "placed" or here.base is None or here.size is None or here.size < region.size:
            return True
        if here.pool != region.pool:
            return True
        was = Span.sized(region.base, region.size)
        if not subtract([was], ram_before) and subtract([Span.sized(here.base, here.size)], ram_after):
            return True
    errors = {(use.path, use.index): use.errno for use in after.consumers}
    if any(use.errno is None and use.region and errors[use.path, use.index] for use in before.consumers):
        return True
    for area in before.cma:
        same = [
            other for other in after.cma if (other.name, other.from_region) == (area.name, area.from_region)
        ]
        heirs = [other for other in after.cma if area.is_default and other.is_default and other.from_region]
        if not same and not heirs:
            return True
        if same and (same[0].size < area.size or (area.activated and not same[0].activated)):
            return True
    return not pairs(after) <= pairs(before)


def pairs(result: Boot) -> set[frozenset[str]]:
    held = [(claim.base, claim.base + claim.size, claim.who) for claim in result.claims if claim.size]
    for region in result.regions:
        if region.outcome in ("placed", "reserve-failed") and region.base is not None and region.size:
            held.append((region.base, region.base + region.size, region.path))
            held += [(extra.start, extra.end, region.path) for extra in region.extra]
    return {
        frozenset((one[2], two[2]))
        for one in held
        for two in held
        if one[2] != two[2] and one[0] < two[1] and two[0] < one[1]
    }


@few
@given(cases())
def test_the_least_ram_is_enough_and_one_step_less_is_not(case: Case) -> None:
    lab = Lab(case.board.tree, [NamedScene("one", case.scene)])
    before = lab.base.boots[0]
    assume(before.outcome == "ok")
    for group in memory_groups(lab):
        least = search_ram(lab, group, STEP)
        if least.least is None:
            continue
        banks = before.scene.memory
        kept = boot(case.board, replace(case.scene, memory=cut(banks, least.least)))
        assert not suffers(before, kept)
        if least.least > STEP:
            less = boot(case.board, replace(case.scene, memory=cut(banks, least.least - STEP)))
            assert suffers(before, less)
        for amount in least.also_works:
            assert amount < least.least


@few
@given(cases())
def test_the_largest_size_works_and_one_step_more_does_not(case: Case) -> None:
    found = searched(case)
    assume(found is not None)
    assert found is not None
    before = found.boots[0]
    for growth in found.growths:
        request = growth.request
        if growth.largest is None or request.way == "reg" or request.subject == DEFAULT_AREA:
            continue

        def resized(size: int, path: str = request.subject) -> Boot:
            tree = set_property(case.board.tree, path, "size", size.to_bytes(8, "big"))
            return boot(read_board(tree), case.scene)

        def is_good(size: int, path: str = request.subject) -> bool:
            after = resized(size)
            (mine,) = [region for region in after.regions if region.path == path]
            return not suffers(before, after) and (mine.outcome, mine.size) == ("placed", size)

        assert is_good(growth.largest)
        if growth.stopped_by:
            assert not is_good(growth.largest + request.step)
        for size in growth.also_works:
            assert is_good(size)
