# SPDX-License-Identifier: Apache-2.0
"""The picture: well-formed, closed in itself, to scale, labels apart, the same bytes each time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carveout.report.map_svg import render_svg
from carveout.report.svg_frame import NARROW, WIDE, Frame, frame_for
from carveout.report.svg_labels import GAP, place
from carveout.report.svg_scale import Scale, ticks
from carveout.span import GIB, MIB, Span
from support import boots_by_hand as by_hand

if TYPE_CHECKING:
    from carveout.boot.result import Boot

NS = "{http://www.w3.org/2000/svg}"
BOOTS = {
    "one": by_hand.one_gigabyte(),
    "two": by_hand.two_banks(),
    "unknown": by_hand.ram_unknown(),
    "panics": by_hand.panics(),
    "hostile": by_hand.hostile(),
    "three": by_hand.many(3),
    "twenty": by_hand.many(20),
    "sixty": by_hand.many(60),
    "empty": by_hand.boot([], [], ram_known=False),
}
every_boot = pytest.mark.parametrize("boot", [pytest.param(boot, id=name) for name, boot in BOOTS.items()])


def picture(boot: Boot) -> ET.Element:
    return ET.fromstring(render_svg(boot, title="board.dtb"))  # noqa: S314 our own output


def groups(root: ET.Element) -> list[ET.Element]:
    return root.findall(f"{NS}g")


def texts(root: ET.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{NS}text")]


def classes(root: ET.Element) -> list[set[str]]:
    return [set(node.get("class", "").split()) for node in root.iter()]


@every_boot
def test_it_is_well_formed_and_refers_to_nothing_outside(boot: Boot) -> None:
    text = render_svg(boot, title="board.dtb")
    root = ET.fromstring(text)  # noqa: S314 our own output
    assert root.tag == f"{NS}svg"
    assert not list(root.iter(f"{NS}script"))
    names = {name for node in root.iter() for name in node.keys()}  # noqa: SIM118 Element is no mapping
    assert not [name for name in names if "href" in name or name.startswith("on")]
    assert text.count("http") == 1  # the namespace
    assert "url(#carveout-hatch)" in text
    assert "prefers-color-scheme" in text


@every_boot
def test_the_same_boot_gives_the_same_bytes(boot: Boot) -> None:
    assert render_svg(boot, title="t") == render_svg(boot, title="t")


@every_boot
def test_labels_do_not_overlap_and_all_is_inside(boot: Boot) -> None:
    root = picture(boot)
    height = float(root.get("height", "0"))
    boxes = []
    for group in groups(root):
        lines = [float(node.get("y", "0")) for node in group.findall(f"{NS}text")]
        (block, *_) = group.findall(f"{NS}rect")
        top, size = float(block.get("y", "0")), float(block.get("height", "0"))
        assert top <= min(lines) - 8
        assert max(lines) <= top + size + 3
        boxes.append((top, top + size))
    boxes.sort()
    assert all(low[1] <= high[0] for low, high in itertools.pairwise(boxes))
    assert all(0 <= float(node.get("y", "0")) <= height for node in root.iter(f"{NS}text"))
    assert all(0 <= float(node.get("x", "0")) <= WIDE.width for node in root.iter(f"{NS}text"))


def test_every_region_is_labelled_with_name_place_size_and_user() -> None:
    found = texts(picture(by_hand.one_gigabyte()))
    assert "vpu@50000000" in found
    assert "0x50000000..0x507fffff · static no-map DMA pool" in found
    assert "8 MiB" in found
    assert "used by /soc@0/video-codec@38300000" in found


def test_sixty_regions_keep_name_place_and_size() -> None:
    boot = by_hand.many(60)
    found = set(texts(picture(boot)))
    assert {region.name for region in boot.regions} <= found
    assert "0x048000000..0x04800ffff" in found


def test_no_map_is_hatched_and_dynamic_dashed() -> None:
    for group in groups(picture(by_hand.one_gigabyte())):
        title = group.findtext(f"{NS}title") or ""
        inside = set().union(*classes(group))
        assert ("hatch" in inside) == ("no-map" in title), title
        assert ("dashed" in inside) == ("dynamic" in title and "no room" not in title), title


def test_a_failed_request_is_an_empty_block_beside_the_hole_it_met() -> None:
    (ghost,) = [group for group in groups(picture(by_hand.one_gigabyte())) if {"ghost"} in classes(group)]
    found = texts(ghost)
    assert found[0] == "gpu: no room"
    assert "largest free range met: 0x50800000..0x79ffffff, 664 MiB" in found


def test_heading_names_kernel_exactness_totals_and_a_panic() -> None:
    found = texts(picture(by_hand.panics()))
    assert found[:4] == [
        "board.dtb",
        "Linux 6.12, arm64, 4 KiB pages, preset debian: exact",
        "RAM 256 MiB · no-map 256 MiB · reserved 0 bytes · left to the system 0 bytes",
        "This boot panics: Failed to allocate page table page",
    ]
    assert "RAM: unknown, pass --memory SIZE@BASE" in texts(picture(by_hand.ram_unknown()))


def test_hostile_names_stay_text() -> None:
    root = picture(by_hand.hostile())
    assert any("evil\\x1b[31m\\u202ename\\x0d\\x0a<&\"'>" in text for text in texts(root))


def test_banks_are_drawn_to_one_scale() -> None:
    scale = Scale([Span.sized(0, GIB), Span.sized(32 * GIB, 3 * GIB)], ram_known=True, top=10, height=436)
    low, high = scale.segments
    assert high.height == pytest.approx(3 * low.height)
    assert low.top == 10
    assert scale.bottom == pytest.approx(446)
    assert scale.y(GIB // 2) == pytest.approx(low.top + low.height / 2)
    assert scale.y(16 * GIB) == high.top


def test_a_tiny_bank_is_enlarged_and_says_so() -> None:
    scale = Scale([Span.sized(0, MIB), Span.sized(GIB, GIB)], ram_known=True, top=0, height=400)
    assert [segment.to_scale for segment in scale.segments] == [False, True]


def test_ticks_are_round_and_apart() -> None:
    scale = Scale([Span.sized(GIB, GIB)], ram_known=True, top=0, height=400)
    marks = ticks(scale.segments[0], 46)
    assert marks
    assert all(mark % 0x4000000 == 0 for mark in marks)
    places = [scale.y(mark) for mark in marks]
    assert all(high - low >= 46 for low, high in itertools.pairwise(places))


@given(st.lists(st.tuples(st.floats(10, 90), st.floats(0, 2000)), max_size=40))
def test_placed_labels_keep_their_order_and_stay_apart_and_inside(wanted: list[tuple[float, float]]) -> None:
    ordered = sorted(wanted, key=lambda pair: pair[1])
    heights = [height for height, _ in ordered]
    need = sum(height + GAP for height in heights)
    tops = place(heights, [centre for _, centre in ordered], top=0, bottom=max(need, 2000))
    assert len(tops) == len(heights)
    for index in range(1, len(tops)):
        assert tops[index] >= tops[index - 1] + heights[index - 1] + GAP - 1e-6
    if tops:
        assert tops[0] >= -1e-6
        assert tops[-1] + heights[-1] <= max(need, 2000) + 1e-6


def test_a_label_with_room_stands_where_it_is_wanted() -> None:
    assert place([20, 20], [50, 300], top=0, bottom=400) == [40, 290]


@every_boot
def test_in_a_narrow_place_text_keeps_its_size(boot: Boot) -> None:
    root = ET.fromstring(render_svg(boot, title="board.dtb", frame=NARROW))  # noqa: S314 our own output
    assert float(root.get("width", "0")) == NARROW.width
    for node in root.iter(f"{NS}text"):
        x, text = float(node.get("x", "0")), node.text or ""
        classes = set((node.get("class") or "").split())
        assert 0 <= x <= NARROW.width
        # 5 pixels a character is less than any of its fonts takes on average.
        assert classes & {"tick", "size", "inside"} or x + 5 * len(text) <= NARROW.width


@pytest.mark.parametrize(
    ("width", "frame"), [(320, NARROW), (400, NARROW), (689, NARROW), (690, WIDE), (2000, WIDE)]
)
def test_which_frame(width: int, frame: Frame) -> None:
    assert frame_for(width) is frame
