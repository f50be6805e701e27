# SPDX-License-Identifier: Apache-2.0
"""The text map: order, width, colour, and that nothing a tree says gets through unescaped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from carveout.report.layout import lay_out
from carveout.report.map_text import render_text
from carveout.report.terminal import Terminal
from carveout.span import MIB
from support import boots_by_hand as by_hand
from support.arm_boards import boot_arm
from support.boards import region

if TYPE_CHECKING:
    from carveout.boot.result import Boot

BOOTS = {
    "one": by_hand.one_gigabyte(),
    "two": by_hand.two_banks(),
    "unknown": by_hand.ram_unknown(),
    "panics": by_hand.panics(),
    "many": by_hand.many(60),
    "hostile": by_hand.hostile(),
}
every_boot = pytest.mark.parametrize("boot", [pytest.param(boot, id=name) for name, boot in BOOTS.items()])

SGR = re.compile(r"\x1b\[[0-9;]*m")


def render(boot: Boot, *, show_all: bool = False, **terminal: int | bool) -> str:
    settings = Terminal(
        width=int(terminal.get("width", 100)),
        colour=bool(terminal.get("colour", False)),
        unicode=bool(terminal.get("unicode", True)),
    )
    return render_text(boot, title="board.dtb", terminal=settings, show_all=show_all)


@every_boot
def test_plain_text_has_no_escapes_and_ends_each_line(boot: Boot) -> None:
    text = render(boot)
    assert text.endswith("\n")
    assert all(line.isprintable() for line in text.split("\n"))
    assert not any(line.endswith(" ") for line in text.split("\n"))


@every_boot
@pytest.mark.parametrize("width", [60, 80, 100, 160])
@pytest.mark.parametrize("show_all", [False, True])
def test_lines_are_as_wide_as_the_terminal_at_most(boot: Boot, width: int, show_all: bool) -> None:
    lines = render(boot, width=width, show_all=show_all).split("\n")
    assert [line for line in lines if len(line) > width] == []


@every_boot
def test_colour_changes_nothing_but_colour(boot: Boot) -> None:
    coloured = render(boot, colour=True)
    assert "\x1b[" in coloured
    bare = "\n".join(line.rstrip() for line in SGR.sub("", coloured).split("\n"))
    assert bare == render(boot)


@every_boot
def test_ascii_when_the_place_is_not_unicode(boot: Boot) -> None:
    assert render(boot, unicode=False).isascii()


@every_boot
def test_addresses_ascend_and_are_equally_wide(boot: Boot) -> None:
    starts = re.findall(r"^(0x[0-9a-f]+)\.\.0x[0-9a-f]+  ", render(boot), re.MULTILINE)
    assert starts
    assert len({len(start) for start in starts}) == 1
    assert [int(start, 16) for start in starts] == sorted(int(start, 16) for start in starts)


def test_a_row_says_place_size_name_attributes_and_users() -> None:
    text = render(by_hand.one_gigabyte())
    assert re.search(
        r"^0x50000000\.\.0x507fffff +8 MiB .* vpu@50000000 +static no-map DMA pool$", text, re.MULTILINE
    )
    assert 'used by /soc@0/video-codec@38300000 "firmware"' in text
    assert "ramoops@47f00000  static, compatible ramoops" in text
    assert "6 pieces, 24 KiB in use" in text


def test_a_failed_request_is_told_with_reason_and_largest_hole() -> None:
    text = render(by_hand.one_gigabyte())
    after = text[text.index("Not placed") :]
    assert "/reserved-memory/gpu: no room" in after
    assert "asked for: dynamic: 768 MiB aligned to 2 MiB within 0x40000000..0x7fffffff" in after
    assert "why: No free range in the alloc-ranges is 768 MiB long." in after
    assert "largest free range met: 0x50800000..0x79ffffff, 664 MiB" in after


def test_consumers_that_fail_are_told_and_disabled_ones_only_with_all() -> None:
    text = render(by_hand.one_gigabyte(), width=160)
    assert "/soc@0/gpu@38000000 gets -22 (EINVAL) for /reserved-memory/gpu: assigned reserved memory" in text
    assert "npu@39000000" not in text
    assert "1 more in disabled devices" in text
    assert "npu@39000000 [1] (disabled) gets -22 (EINVAL): its phandle leads" in render(
        by_hand.one_gigabyte(), width=160, show_all=True
    )


def test_sections_come_in_order_of_weight() -> None:
    text = render(by_hand.one_gigabyte())
    heads = ["board.dtb", "left to the system", "first..last", "Not placed", "Consumers", "Notes", "Scene"]
    places = [text.index(head) for head in heads]
    assert places == sorted(places)


def test_a_panic_stands_before_the_table() -> None:
    text = render(by_hand.panics())
    assert text.index("This boot panics: Failed to allocate page table page") < text.index("first..last")


def test_unknown_ram_asks_for_memory_and_still_shows_the_regions() -> None:
    text = render(by_hand.ram_unknown())
    assert "RAM: unknown, pass --memory SIZE@BASE" in text
    assert "secmon@5000000" in text
    assert "System RAM" not in text


def test_modelled_rows_are_marked_and_explained() -> None:
    text = render(by_hand.two_banks())
    assert re.search(r"\\* high +dynamic", text)
    assert "* modelled" in text
    assert "high: The initrd is not known." in text
    assert "Released or ignored" in text
    assert "no RAM" in text
    assert "not in RAM, or not all of it" in text


def test_the_scene_says_where_each_value_comes_from() -> None:
    assert re.search(r"^  kernel +6\.12 \[assumed\]$", render(by_hand.one_gigabyte()), re.MULTILINE)


@pytest.mark.parametrize(("kernel", "lent"), [("5.10", 0), ("6.12", 32 * MIB)])
def test_an_area_that_is_never_activated_is_lent_to_nobody(kernel: str, lent: int) -> None:
    # It crosses into high memory at 0x70000000. 5.10 loses the pages, 6.1 and newer use them as any others.
    pool = region("pool@6f000000", "reusable", reg=[(0x6F00_0000, 32 * MIB)], compatible="shared-dma-pool")
    result = boot_arm(kernel, pool, cmdline="cma=0")
    assert "never activated: nobody can allocate from it" in render(result)
    totals = lay_out(result).totals
    assert totals is not None
    assert totals.cma == lent
