# SPDX-License-Identifier: Apache-2.0
"""Laws of every boot, whatever the board, the scene and the kernel."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings

from carveout.board import read_board
from carveout.boot.result import Boot, Exactness, MappingKind, Outcome, RegionKind
from carveout.boot.run import boot
from carveout.errors import CarveoutError
from carveout.fdt import parse
from carveout.kernel.device_drivers import Way
from carveout.span import Span
from support.random_boards import Case, cases, wild_cases

# A case is a whole boot, and there are eleven laws: each gets half of the examples.
fewer = settings(max_examples=settings().max_examples // 2)

NO_PLACE = (Outcome.ALLOC_FAILED, Outcome.IGNORED, Outcome.UNKNOWN)


def run(case: Case) -> Boot:
    return boot(case.board, case.scene)


def dynamic_places(result: Boot) -> list[tuple[str, Span]]:
    return [
        (r.path, Span.sized(r.base, r.size))
        for r in result.regions
        if r.kind is RegionKind.DYNAMIC and r.outcome is Outcome.PLACED and r.base is not None and r.size
    ]


@fewer
@given(cases())
def test_dynamic_regions_lie_in_one_bank_and_are_aligned(case: Case) -> None:
    result = run(case)
    for region in result.regions:
        if region.kind is not RegionKind.DYNAMIC or region.base is None or region.size is None:
            continue
        place = Span.sized(region.base, region.size)
        assert any(bank.contains(place) for bank in result.scene.memory)
        assert region.align is not None
        assert region.base % region.align == 0
        assert region.size == region.requested_size
        if region.alloc_ranges:
            assert any(window.contains(place) for window in region.alloc_ranges)


@fewer
@given(cases())
def test_dynamic_regions_overlap_nothing_that_was_there_before(case: Case) -> None:
    result = run(case)
    dynamic = sorted(dynamic_places(result), key=lambda item: item[1])
    for (_, this), (_, following) in pairwise(dynamic):
        assert not this.overlaps(following)
    # Static regions that were reserved come before all dynamic ones; so do the tree, the kernel and the initrd.
    before = [
        Span.sized(r.base, r.size)
        for r in result.regions
        if r.kind is RegionKind.STATIC and r.outcome is Outcome.PLACED and r.base is not None and r.size
    ]
    before += [
        place
        for place in (result.scene.dtb, result.scene.kernel_image, result.scene.initrd)
        if place is not None
    ]
    assert not any(place.overlaps(other) for _, place in dynamic for other in before)


@fewer
@given(cases())
def test_memory_and_reserved_are_sorted_and_disjoint(case: Case) -> None:
    result = run(case)
    for entries in (result.memory, result.reserved):
        assert all(entry.size > 0 for entry in entries)
        assert all(a.base + a.size <= b.base for a, b in pairwise(entries))


@fewer
@given(cases())
def test_claims_are_what_is_reserved(case: Case) -> None:
    """Every byte claimed is reserved, and every byte reserved is claimed by somebody."""
    result = run(case)
    spans: list[list[int]] = []
    for claim in result.claims:
        if spans and claim.base <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], claim.base + claim.size)
        else:
            spans.append([claim.base, claim.base + claim.size])
    joined: list[list[int]] = []
    for entry in result.reserved:
        if joined and joined[-1][1] == entry.base:
            joined[-1][1] += entry.size
        else:
            joined.append([entry.base, entry.base + entry.size])
    assert spans == joined
    assert all(entry.who for entry in result.reserved)


@fewer
@given(cases())
def test_static_regions_never_move(case: Case) -> None:
    for region in run(case).regions:
        if region.kind is RegionKind.STATIC and region.base is not None:
            assert (region.base, region.size) == (region.requested_base, region.requested_size)


@fewer
@given(cases(complete=False))
def test_the_same_input_gives_the_same_result(case: Case) -> None:
    again = read_board(parse(case.board.tree.blob))
    assert run(case) == boot(again, case.scene)


@fewer
@given(cases())
def test_a_place_and_its_outcome_belong_together(case: Case) -> None:
    result = run(case)
    for region in result.regions:
        assert (region.base is None) == (region.size is None) == (region.outcome in NO_PLACE)
        assert (region.pool is None) or region.driver is not None
        assert region.why or region.outcome is Outcome.PLACED
    assert [r.path for r in result.regions] == [
        r.path for parent in case.board.reserved_memory for r in parent.regions
    ]


@fewer
@given(cases())
def test_areas_are_made_of_regions_or_of_the_configuration(case: Case) -> None:
    result = run(case)
    pools = {r.path for r in result.regions if r.pool == "cma"}
    assert {area.from_region for area in result.cma if area.from_region is not None} == pools
    assert sum(area.is_default for area in result.cma) <= 1
    assert all(area.size > 0 for area in result.cma)


@fewer
@given(cases())
def test_log_and_trace_belong_together(case: Case) -> None:
    result = run(case)
    assert all(0 <= line.step < len(result.trace) for line in result.log_lines)
    steps = [line.step for line in result.log_lines]
    assert steps == sorted(steps)
    assert len(result.log) <= len(result.messages) == len(result.log_lines)


@fewer
@given(cases(complete=False))
def test_a_scene_with_gaps_is_never_exact(case: Case) -> None:
    result = run(case)
    assert result.exactness is Exactness.MODELLED
    assert any("pass --" in note for note in result.notes)
    for region in result.regions:
        if region.kind is RegionKind.DYNAMIC and region.base is not None:
            assert region.exactness is Exactness.MODELLED


@fewer
@given(cases())
def test_consumers_are_answered_one_by_one(case: Case) -> None:
    result = run(case)
    assert [(c.path, c.index) for c in result.consumers] == [(c.path, c.index) for c in case.board.consumers]
    for consumer in result.consumers:
        assert consumer.errno in (None, 16, 19, 22)
        assert consumer.errno is None or consumer.message
        assert consumer.bound_by is None or consumer.errno is None
        assert consumer.mapping is MappingKind.NONE or consumer.bound_by is not None
        answers = dict(consumer.calls)
        assert (consumer.base is None) is (consumer.found is None)
        # By address a region can be had that the kernel does not know; otherwise it is found or refused.
        assert set(answers) >= {Way.DEVICE_INIT, Way.LOOKUP, Way.ADDRESS}
        assert consumer.exactness is Exactness.EXACT or consumer.why


@fewer
@given(cases())
def test_devices_are_their_entries(case: Case) -> None:
    result = run(case)
    assert sum(len(device.regions) for device in result.devices) == len(result.consumers)
    for device in result.devices:
        assert result.device(device.path) == device
        for use in device.regions:
            assert device.by_index(use.index) == use
            if use.name is not None:
                assert device.by_name(use.name).index <= use.index


@settings(max_examples=settings().max_examples * 2)
@given(wild_cases())
def test_a_boot_raises_nothing_but_its_own_errors(case: Case) -> None:
    try:
        result = run(case)
    except CarveoutError:
        return
    for entries in (result.memory, result.reserved):
        assert all(a.base + a.size <= b.base for a, b in pairwise(entries))
