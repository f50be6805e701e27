# SPDX-License-Identifier: Apache-2.0
"""Reading the EFI memory map out of text."""

from __future__ import annotations

import pytest

from carveout.boot.efi_map import EfiEntry, parse_efi_map
from carveout.errors import EfiMapError
from carveout.span import Span

WB = frozenset({"WB"})
ONE = EfiEntry(0x4000_0000, 0x400_0000, "Conventional", WB)
LINE = "efi:   0x000040000000-0x000043ffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]"


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        pytest.param(LINE, ONE, id="as-printed"),
        pytest.param("[    0.000000] " + LINE, ONE, id="time-stamp"),
        pytest.param("<6>[    0.000000][    T0] " + LINE + "\r", ONE, id="level-and-thread"),
        pytest.param("Nov 23 12:00:00 board kernel: " + LINE, ONE, id="syslog"),
        pytest.param(LINE.removeprefix("efi: "), ONE, id="without-efi"),
        pytest.param(
            LINE.upper().replace("X", "x").replace("EFI", "efi"), None, id="upper-case-type-is-unknown"
        ),
        pytest.param(
            "efi:   0x000040000000-0x000043ffffff [Conventional Memory|   |  |  |  |  |  |  |   |WB|  |  |  ]*",
            ONE,
            id="long-name",
        ),
        pytest.param(
            "efi: mem00: [Conventional Memory|   |  |  |  |  |  |   |WB|  |  |  ] "
            "range=[0x0000000040000000-0x0000000043ffffff] (64MB)",
            ONE,
            id="old-form-with-last",
        ),
        pytest.param(
            "efi: mem12: [Conventional Memory|   |WB|  |  |  ] range=[0x40000000-0x44000000) (64MB)",
            ONE,
            id="old-form-with-end",
        ),
        pytest.param(
            "efi:   0x000040000000-0x000043ffffff [Conventional|attr=0x0000000000000008]", ONE, id="bits"
        ),
        pytest.param(
            "efi:   0x00000ffe0000-0x00000fffffff [Runtime Code|RUN|  |  |  |  |  |XP|  |RO|   |WB|WT|WC|UC]",
            EfiEntry(
                0xFFE_0000, 0x2_0000, "Runtime Code", frozenset({"RUN", "XP", "RO", "WB", "WT", "WC", "UC"})
            ),
            id="many-attributes",
        ),
        pytest.param(
            "efi:   0x000000000000-0x000000000fff [type=4711|   |WB]",
            EfiEntry(0, 0x1000, "type=4711", WB),
            id="unknown-type",
        ),
    ],
)
def test_one_entry(text: str, entry: EfiEntry | None) -> None:
    (found,) = parse_efi_map(text).entries
    if entry is None:
        assert (found.base, found.type) == (ONE.base, "CONVENTIONAL")
    else:
        assert found == entry


def test_a_log_says_where_the_map_and_the_tables_are() -> None:
    found = parse_efi_map(
        "\n".join(
            [
                "[    0.000000] efi: Getting UEFI parameters from /chosen in DT:",
                "[    0.000000] efi:   System Table         : 0x000000007ffd0018",
                "[    0.000000] efi:   MemMap Address       : 0x000000007c120040",
                "[    0.000000] efi:   MemMap Size          : 0x0000000000000060",
                "[    0.000000] efi:   MemMap Desc. Size    : 0x0000000000000030",
                "[    0.000000] efi: EFI v2.7 by EDK II",
                "[    0.000000] efi: SMBIOS 3.0=0x7fed0000 MEMATTR=0x7c7bd018 INITRD=0x7c43ff18 MEMRESERVE=0x7c43ff98 ",
                "[    0.000000] efi: Processing EFI memory map:",
                LINE,
                LINE.replace("0x000040000000-0x000043ffffff", "0x000044000000-0x000044000fff"),
                "[    0.000000] efi: memattr: Processing EFI Memory Attributes table:",
                "[    0.000000] efi: memattr:  0x0000fc440000-0x0000fc44ffff [Runtime Code|RUN|  |XP|  ]",
                "[    0.000000] efi: memattr:  0x0000fc450000-0x0000fc45ffff [Runtime Code|RUN|  |RO|  ]",
                "[    0.000000] OF: reserved mem: 0x0000000040000000..0x00000000403fffff (4096 KiB) nomap a@40000000",
            ]
        )
    )
    assert [entry.base for entry in found.entries] == [0x4000_0000, 0x4400_0000]
    assert found.place == Span.sized(0x7C12_0040, 0x60)
    assert found.descriptors == 2
    assert found.tables == (
        ("SMBIOS 3.0", 0x7FED_0000),
        ("MEMATTR", 0x7C7B_D018),
        ("INITRD", 0x7C43_FF18),
        ("MEMRESERVE", 0x7C43_FF98),
    )
    assert found.memattr_entries == 2
    assert (found.table("MEMATTR"), found.table("ESRT")) == (0x7C7B_D018, None)


def test_a_bare_map_says_nothing_else() -> None:
    found = parse_efi_map(LINE)
    assert (found.place, found.descriptors, found.tables, found.memattr_entries) == (None, None, None, 0)


def test_the_same_map_twice_is_one_map() -> None:
    boot = f"efi: Processing EFI memory map:\n{LINE}\n"
    assert parse_efi_map(boot + boot).entries == (ONE,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "there is no EFI memory map in it", id="empty"),
        pytest.param(
            "Linux version 6.12\nefi: EFI v2.7 by EDK II\n", "there is no EFI memory map", id="no-map"
        ),
        pytest.param(
            f"efi: Processing EFI memory map:\n{LINE}\nefi: Processing EFI memory map:\n"
            + LINE.replace("Conventional", "Loader Data"),
            "2 different EFI memory maps",
            id="two-boots",
        ),
        pytest.param(
            LINE + "\n" + LINE[:40], "^line 2: a line of the EFI memory map is not whole", id="cut-off"
        ),
        pytest.param(
            LINE.replace("43ffffff", "3fffffff"), "^line 1: 0x40000000-0x3fffffff is no range", id="reversed"
        ),
        pytest.param(LINE.replace("43ffffff", "43fffff0"), "^line 1: .* whole 4 KiB pages", id="odd-end"),
        pytest.param(LINE.replace("0x000040000000", "0x000040000800"), "whole 4 KiB pages", id="odd-start"),
        pytest.param(
            LINE.replace("0x000043ffffff", "0x1" + "f" * 17), "whole 4 KiB pages", id="more-than-64-bits"
        ),
    ],
)
def test_texts_that_cannot_be_used(text: str, message: str) -> None:
    with pytest.raises(EfiMapError, match=message):
        parse_efi_map(text)
