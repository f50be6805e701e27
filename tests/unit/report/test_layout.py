# SPDX-License-Identifier: Apache-2.0
"""A boot becomes ascending rows that tell each byte once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from carveout.boot.result import Boot, Claim, MemoryRange, Outcome, ReservedRange
from carveout.report.intervals import subtract, union
from carveout.report.layout import DisplaySpan, SpanKind, lay_out
from carveout.span import GIB, KIB, MIB, Span
from support import boots_by_hand as by_hand

BOOTS = [
    pytest.param(by_hand.one_gigabyte(), id="one-gigabyte"),
    pytest.param(by_hand.two_banks(), id="two-banks"),
    pytest.param(by_hand.panics(), id="panics"),
    pytest.param(by_hand.many(60), id="many"),
]


def rows(boot: Boot, **options: bool) -> list[tuple[int, int, str]]:
    return [(row.span.start, row.span.end, row.label) for row in lay_out(boot, **options).spans]


def held(boot: Boot, kind: SpanKind) -> list[DisplaySpan]:
    return [row for row in lay_out(boot).spans if row.kind is kind]


def test_one_gigabyte_from_low_to_high() -> None:
    # 40000000 ..kernel.. 426f0000 .. ramoops|dtb .. vpu ..... CMA|camera .. tables 80000000
    assert rows(by_hand.one_gigabyte()) == [
        (0x40000000, 0x40200000, "System RAM"),
        (0x40200000, 0x426F0000, "kernel image"),
        (0x426F0000, 0x47F00000, "System RAM"),
        (0x47F00000, 0x48000000, "ramoops@47f00000"),
        (0x48000000, 0x48010000, "device tree blob"),
        (0x48010000, 0x50000000, "System RAM"),
        (0x50000000, 0x50800000, "vpu@50000000"),
        (0x50800000, 0x76000000, "System RAM"),
        (0x76000000, 0x7A000000, "default CMA area"),
        (0x7A000000, 0x7C000000, "camera"),
        (0x7C000000, 0x7FFF5000, "System RAM"),
        (0x7FFF5000, 0x80000000, "page tables"),
    ]


def test_without_collapsing_every_early_allocation_has_its_row() -> None:
    tables = [row for row in rows(by_hand.one_gigabyte(), collapse=False) if row[2] == "page tables"]
    assert tables == [(0x7FFF5000 + 0x2000 * i, 0x7FFF6000 + 0x2000 * i, "page tables") for i in range(6)]


def test_a_collapsed_row_knows_how_much_is_used() -> None:
    (row,) = held(by_hand.one_gigabyte(), SpanKind.EARLY)
    assert (row.pieces, row.used, row.span.size) == (6, 24 * KIB, 44 * KIB)


def test_a_region_on_the_initrd_does_not_hide_it() -> None:
    # 40000000 ..kernel.. 47f00000 ramoops|dtb .. 50000000 vpu, initrd from its middle on .. 50c00000
    boot = by_hand.one_gigabyte()
    boot = replace(boot, claims=(*boot.claims, Claim(base=0x50400000, size=8 * MIB, who="initrd")))
    layout = lay_out(boot)
    (initrd,) = [row for row in layout.spans if row.kind is SpanKind.INITRD]
    assert (initrd.span, initrd.overlaps) == (Span(0x50400000, 0x50C00000), ("vpu@50000000",))
    (region,) = [row for row in layout.spans if row.label == "vpu@50000000"]
    assert region.overlaps == ("initrd",)


@pytest.mark.parametrize("boot", BOOTS)
def test_rows_ascend_and_cover_ram(boot: Boot) -> None:
    layout = lay_out(boot)
    starts = [row.span.start for row in layout.spans]
    assert starts == sorted(starts)
    ram = union(Span.sized(entry.base, entry.size) for entry in boot.memory)
    assert subtract(ram, union(row.span for row in layout.spans)) == []


@pytest.mark.parametrize("boot", BOOTS)
def test_totals_add_up_to_free_memory_and_what_cma_lends(boot: Boot) -> None:
    layout = lay_out(boot, collapse=False)
    assert layout.totals is not None
    free = sum(row.span.size for row in layout.spans if row.kind is SpanKind.FREE)
    assert layout.totals.system == free + layout.totals.cma


def test_totals_of_one_gigabyte() -> None:
    sums = lay_out(by_hand.one_gigabyte()).totals
    assert sums is not None
    reserved = 0x24F0000 + 0x10000 + MIB + 96 * MIB + 24 * KIB
    assert (sums.ram, sums.nomap, sums.reserved, sums.cma) == (GIB, 8 * MIB, reserved, 96 * MIB)
    assert sums.system == GIB - 8 * MIB - reserved + 96 * MIB


def test_a_hole_between_banks_is_a_row() -> None:
    assert [row.span for row in held(by_hand.two_banks(), SpanKind.HOLE)] == [Span(0xC0000000, 0x880000000)]


def test_what_is_outside_ram_and_what_overlaps_is_marked() -> None:
    by_label = {row.label: row for row in lay_out(by_hand.two_banks()).spans}
    assert not by_label["sram@900000"].in_ram
    assert by_label["tz@80000000"].in_ram
    assert by_label["adsp@88000000"].overlaps == ("mpss@89000000",)
    assert by_label["mpss@89000000"].overlaps == ("adsp@88000000",)
    assert by_label["tz@80000000"].overlaps == ()


def test_unknown_ram_shows_only_what_is_known() -> None:
    layout = lay_out(by_hand.ram_unknown())
    assert [row.label for row in layout.spans] == ["secmon@5000000"]
    assert layout.totals is None
    assert layout.banks == ()


def test_failures_and_drops_are_kept_apart() -> None:
    assert [r.name for r in lay_out(by_hand.one_gigabyte()).failed] == ["gpu"]
    assert [r.name for r in lay_out(by_hand.two_banks()).dropped] == ["bad"]
    assert [use.enabled for use in lay_out(by_hand.one_gigabyte()).failing] == [True, False]


def test_a_released_region_whose_memory_stays_reserved_is_shown_with_a_remark() -> None:
    refused = by_hand.region("cma@50000000", outcome=Outcome.RELEASED)
    claim = Claim(base=0x50000000, size=MIB, who=refused.path)
    (row,) = held(by_hand.boot([Span.sized(GIB, GIB)], [refused], [claim]), SpanKind.REGION)
    assert row.remark == "released, but its memory stays reserved"


def test_no_map_memory_that_no_region_explains_is_firmware() -> None:
    boot = by_hand.boot(
        [Span.sized(GIB, GIB)],
        [],
        memory=(
            MemoryRange(base=GIB, size=GIB // 2, nomap=False),
            MemoryRange(base=GIB + GIB // 2, size=GIB // 2, nomap=True),
        ),
    )
    (row,) = held(boot, SpanKind.FIRMWARE)
    assert (row.span, row.label) == (Span.sized(GIB + GIB // 2, GIB // 2), "no-map memory")


def test_a_reserved_range_without_a_claim_is_shown() -> None:
    boot = by_hand.boot(
        [Span.sized(GIB, GIB)], [], reserved=(ReservedRange(base=GIB, size=MIB, who="memreserve"),)
    )
    assert rows(boot)[0] == (GIB, GIB + MIB, "/memreserve/")


def test_further_entries_of_reg_have_their_rows() -> None:
    region = by_hand.region("two", 0x50000000, MIB, extra=(Span.sized(0x60000000, MIB),))
    boot = by_hand.boot([Span.sized(GIB, GIB)], [region])
    assert [row.remark for row in held(boot, SpanKind.REGION)] == ["", "entry 2 of reg"]


def test_ten_thousand_regions_at_one_address_take_no_forever() -> None:
    regions = [by_hand.region(f"r{i}", 0x50000000, MIB, nomap=True) for i in range(10_000)]
    layout = lay_out(by_hand.boot([Span.sized(GIB, GIB)], regions))
    assert sum(1 for row in layout.spans if row.kind is SpanKind.REGION) == 10_000
    assert all(len(row.overlaps) <= 3 for row in layout.spans)
