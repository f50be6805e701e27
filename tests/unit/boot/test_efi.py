# SPDX-License-Identifier: Apache-2.0
"""EFI boots: RAM and no-map memory from the firmware's map, and what is known of them.

The map of these tests, with RAM of 1 GiB at 0x40000000:

    0x04000000  flash, write-combining, kept by the firmware
    0x09010000  a device, uncached: no memory at all
    0x40000000  RAM
    0x60000000  data of the firmware's runtime services, 1 MiB
    0x60100000  ACPI tables, 64 KiB
    0x60110000  RAM up to 0x80000000
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from carveout.boot.run import boot
from carveout.errors import SceneError
from carveout.span import Span
from support.boards import KERNELS, cells, memory, node, region, usual_board, usual_scene, wide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.boot.result import Boot
    from carveout.fdt.draft import DraftNode

HEAD = """\
efi:   MemMap Address       : 0x0000000060200040
efi:   MemMap Size          : 0x0000000000000150
efi:   MemMap Desc. Size    : 0x0000000000000030
"""
TABLES = "efi: SMBIOS 3.0=0x60000000 MEMATTR=0x70000018 MEMRESERVE=0x70001f98\n"
FLASH = (0x0400_0000, 0x0800_0000)
DEVICE = (0x0901_0000, 0x0901_1000)
LOW = (0x4000_0000, 0x6000_0000)
RUNTIME = (0x6000_0000, 0x6010_0000)
ACPI = (0x6010_0000, 0x6011_0000)
HIGH = (0x6011_0000, 0x8000_0000)


def entry(span: tuple[int, int], kind: str, *attributes: str) -> str:
    return f"efi:   0x{span[0]:012x}-0x{span[1] - 1:012x} [{kind:<18}|{'|'.join(attributes)}|  ]\n"


ENTRIES = (
    entry((0x4000_0000, 0x5000_0000), "Boot Data", "WB")
    + entry((0x5000_0000, 0x6000_0000), "Conventional", "WB", "WT", "WC", "UC")
    + entry(RUNTIME, "Runtime Data", "RUN", "WB")
    + entry(ACPI, "ACPI Reclaim", "WB")
    + entry(HIGH, "Loader Data", "WB")
    + entry(FLASH, "MMIO", "RUN", "WC")
    + entry(DEVICE, "MMIO", "RUN", "UC")
)
MEMATTR = "efi: memattr:  0x000060000000-0x0000600fffff [Runtime Data|RUN|XP]\n"
WHOLE = HEAD + TABLES + ENTRIES + MEMATTR


def boot_efi(
    kernel: str, efi_map: str | None, *regions: DraftNode, others: Iterable[DraftNode] = (), **scene: Any
) -> Boot:
    board = usual_board(*regions, others=others, ram=(Span.sized(0x4000_0000, 0x800_0000),))
    return boot(board, usual_scene(kernel, efi=True, efi_map=efi_map, **scene))


def ram(result: Boot) -> list[tuple[int, int, bool]]:
    # Neighbours joined, whatever node they belong to.
    return [(entry.base, entry.base + entry.size, entry.nomap) for entry in result.memory]


def claimed(result: Boot, who: str) -> list[tuple[int, int]]:
    return [(claim.base, claim.base + claim.size) for claim in result.claims if claim.who.startswith(who)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_map_replaces_the_memory_nodes(kernel: str) -> None:
    result = boot_efi(kernel, WHOLE)
    assert ram(result) == [
        (*FLASH, True),
        (*LOW, False),
        (*RUNTIME, True),
        (0x6010_0000, 0x8000_0000, False),
    ]
    assert result.scene.memory == (Span(*LOW), Span(0x6010_0000, 0x8000_0000))
    assert result.scene.memory_source == "efi-map"


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_the_kernel_reserves_of_the_firmware(kernel: str) -> None:
    result = boot_efi(kernel, WHOLE)
    assert claimed(result, "efi") == [
        ACPI,
        (0x6020_0000, 0x6020_1000),  # the map itself, whole pages
        (0x7000_0018, 0x7000_0018 + 16 + 48),  # one line of the memory attributes table
        (0x7000_1F98, 0x7000_1FA8),
    ]


def test_whole_page_of_16_kib_are_taken_outward() -> None:
    lines = entry((0x4000_0000, 0x7000_1000), "Conventional", "WB") + entry(
        (0x7000_1000, 0x8000_0000), "Runtime Data", "RUN", "WB"
    )
    result = boot_efi("6.12", lines, page_size=16384)
    # Both descriptors claim the page they meet in; the mark that comes last wins.
    assert ram(result) == [(0x4000_0000, 0x7000_0000, False), (0x7000_0000, 0x8000_0000, True)]


@pytest.mark.parametrize(
    ("kind", "attributes", "expected"),
    [
        pytest.param("Conventional", ("WB",), False, id="conventional"),
        pytest.param("Persistent", ("WB", "NV"), False, id="persistent"),
        pytest.param("Boot Code", ("WB", "RUN"), False, id="boot-code"),
        pytest.param("Conventional", ("WT",), True, id="write-through-only"),
        pytest.param("Reserved", ("WB",), True, id="reserved"),
        pytest.param("Unusable", ("WB",), True, id="unusable"),
        pytest.param("ACPI Mem NVS", ("WB",), True, id="acpi-nvs"),
        pytest.param("Runtime Code", ("RUN", "WB"), True, id="runtime-code"),
        pytest.param("MMIO", ("WC",), True, id="write-combining"),
        pytest.param("MMIO", ("UC",), None, id="uncached"),
        pytest.param("Conventional", ("WB", "SP"), None, id="special-purpose"),
    ],
)
def test_kinds_of_memory(kind: str, attributes: tuple[str, ...], expected: bool | None) -> None:
    extra = (0x9000_0000, 0x9010_0000)
    result = boot_efi("6.12", ENTRIES + entry(extra, kind, *attributes))
    found = {(base, end): nomap for base, end, nomap in ram(result)}
    assert found.get(extra) is expected


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_usable_range_holds_for_the_map_too(kernel: str) -> None:
    chosen = node("chosen", {"linux,usable-memory-range": wide(0x4000_0000, 0x1000_0000)})
    result = boot_efi(kernel, WHOLE, others=(chosen,))
    assert ram(result) == [(*FLASH, True), (0x4000_0000, 0x5000_0000, False), (*RUNTIME, True)]


@pytest.mark.parametrize("efi_map", [None, WHOLE])
def test_the_stub_deletes_the_reservation_block(efi_map: str | None) -> None:
    board = usual_board(reserve=[(0x5000_0000, 0x10_0000)])
    result = boot(board, usual_scene("6.12", efi=True, efi_map=efi_map))
    assert claimed(result, "memreserve") == []
    assert claimed(boot(board, usual_scene("6.12")), "memreserve") == [(0x5000_0000, 0x5010_0000)]


def test_a_no_map_region_over_acpi_tables_is_refused() -> None:
    result = boot_efi("6.12", WHOLE, region("a@60100000", "no-map", reg=[(0x6010_0000, 0x1000)]))
    assert str(result.regions[0].outcome) == "reserve-failed"


# ---------------------------------------------------------------- how far it can be relied on


def test_a_whole_log_is_exact() -> None:
    result = boot_efi("6.12", WHOLE)
    assert (str(result.exactness), [n for n in result.notes if "EFI" in n]) == ("exact", [])


CHOSEN = {"linux,uefi-mmap-start": wide(0x6020_0040), "linux,uefi-mmap-size": cells(0x150)}


def test_chosen_says_where_the_map_is_when_the_log_does_not() -> None:
    result = boot_efi("6.12", TABLES + ENTRIES + MEMATTR, others=(node("chosen", CHOSEN),))
    assert (0x6020_0000, 0x6020_1000) in claimed(result, "efi")
    assert str(result.exactness) == "exact"


@pytest.mark.parametrize(
    ("efi_map", "chosen", "reason"),
    [
        pytest.param(None, {}, "pass --efi-map FILE", id="no-map"),
        pytest.param(TABLES + ENTRIES + MEMATTR, {}, "where the EFI memory map itself lies", id="no-place"),
        pytest.param(
            WHOLE, {**CHOSEN, "linux,uefi-mmap-size": cells(0x180)}, "place the EFI memory map differently",
            id="places-differ",
        ),
        pytest.param(HEAD + ENTRIES, {}, "which EFI tables are reserved is not known", id="no-tables"),
        pytest.param(HEAD + TABLES + ENTRIES, {}, "memory attributes table", id="no-memattr-lines"),
        pytest.param(HEAD.replace("150", "180") + TABLES + ENTRIES + MEMATTR, {}, "has 8 entries, 7 are given",
                     id="lines-lost"),
        pytest.param(WHOLE.replace("MEMRESERVE=", "ESRT=0x70002000 MEMRESERVE="), {}, "tables ESRT", id="esrt"),
        pytest.param(WHOLE.replace("Boot Data         |WB", "Boot Data         |MR|WB"), {}, "mirrored", id="mirror"),
    ],
)  # fmt: skip
def test_what_is_missing_makes_it_modelled(
    efi_map: str | None, chosen: dict[str, bytes], reason: str
) -> None:
    result = boot_efi("6.12", efi_map, others=(node("chosen", chosen),))
    assert str(result.exactness) == "modelled"
    assert any(reason in note for note in result.notes), result.notes


def test_a_map_without_the_option_means_an_efi_boot() -> None:
    scene = usual_scene("6.12", efi_map=WHOLE)
    assert boot(usual_board(), scene).scene.efi


def test_memory_and_map_exclude_each_other() -> None:
    scene = usual_scene("6.12", efi_map=WHOLE, memory=(Span.sized(0x4000_0000, 0x1000_0000),))
    with pytest.raises(SceneError, match="--memory and --efi-map"):
        boot(usual_board(), scene)


def test_ram_of_the_map_is_known_when_the_tree_has_none() -> None:
    board = usual_board(others=(memory(name="memory@0"),), ram=())
    assert not boot(board, usual_scene("6.12")).ram_known
    assert boot(board, usual_scene("6.12", efi_map=WHOLE)).ram_known
