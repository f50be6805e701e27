# SPDX-License-Identifier: Apache-2.0
"""Memory nodes, /chosen and the reservation block, as each kernel reads them (kernel-semantics 1.1, 1.6, 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.run import boot
from carveout.span import GIB, MIB, Span
from support.boards import (
    KERNELS,
    blob_of,
    board_of,
    boot_regions,
    cells,
    cpus,
    is_free,
    is_reserved,
    memory,
    mib,
    named,
    node,
    region,
    reserved_memory,
    text,
    usual_scene,
    wide,
)

if TYPE_CHECKING:
    from carveout.boot.result import Boot
    from carveout.fdt.draft import DraftNode

FIRST = (0x4000_0000, GIB)
SECOND = (0x9000_0000, mib(256))
OLD, NEW = ("5.10", "6.1"), ("6.12", "7.2")


def boot_nodes(kernel: str, *nodes: DraftNode, **scene: object) -> Boot:
    return boot(board_of(cpus(), *nodes), usual_scene(kernel, **scene))


def ram(result: Boot) -> list[tuple[int, int]]:
    """Return (base, end) of all RAM, joined where it touches."""
    joined: list[tuple[int, int]] = []
    for entry in result.memory:
        if joined and joined[-1][1] == entry.base:
            joined[-1] = joined[-1][0], entry.base + entry.size
        else:
            joined.append((entry.base, entry.base + entry.size))
    return joined


ONE = [(0x4000_0000, 0x8000_0000)]
BOTH = [(0x4000_0000, 0x8000_0000), (0x9000_0000, 0xA000_0000)]


# ---- 6.1: which nodes, which property ----------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("second", "kernels"),
    [
        pytest.param(memory(SECOND, name="memory@90000000"), KERNELS, id="plain"),
        pytest.param(memory(SECOND, name="ram"), KERNELS, id="name-does-not-matter"),
        pytest.param(node("soc", {}, memory(SECOND)), ("5.10",), id="below-soc"),
        pytest.param(memory(SECOND, name="m", extra={"status": text("okay")}), KERNELS, id="okay"),
        pytest.param(memory(SECOND, name="m", extra={"status": text("ok")}), KERNELS, id="ok"),
        pytest.param(memory(SECOND, name="m", extra={"status": text("disabled")}), ("5.10",), id="disabled"),
        # 9, string properties: 7.2 takes a string without its NUL for an absent one.
        pytest.param(
            memory(SECOND, name="m", extra={"status": b"disabled"}), ("5.10", "7.2"), id="disabled-no-NUL"
        ),
        pytest.param(memory(SECOND, name="m", extra={"device_type": text("Memory")}), (), id="upper-case"),
        pytest.param(memory(SECOND, name="m", extra={"device_type": text("memory2")}), (), id="longer"),
        pytest.param(node("memory@90000000", {"reg": wide(*SECOND)}), (), id="no-device_type"),
        pytest.param(node("memory@90000000", {"device_type": text("memory")}), (), id="no-reg"),
        pytest.param(memory((0x9000_0000, 0), name="m"), (), id="size-0"),
        pytest.param(memory((0xB000_0000, 0), SECOND, name="m"), KERNELS, id="size-0-first"),
        pytest.param(
            memory((0xB000_0000, MIB), name="m", extra={"linux,usable-memory": wide(*SECOND)}),
            KERNELS,
            id="usable-memory-replaces-reg",
        ),
        pytest.param(
            memory(SECOND, name="m", extra={"linux,usable-memory": b""}), (), id="empty-usable-memory"
        ),
        # 7.2 rejects a malformed linux,usable-memory and falls back to reg; the others find no whole entry in it.
        pytest.param(
            memory(SECOND, name="m", extra={"linux,usable-memory": cells(0, 0)}),
            ("7.2",),
            id="short-usable-memory",
        ),
        # A partial last entry: 7.2 rejects the property, the others leave the rest out.
        pytest.param(
            memory(name="m", extra={"reg": wide(*SECOND) + cells(0)}),
            ("5.10", "6.1", "6.12"),
            id="partial-entry",
        ),
    ],
)
def test_which_memory_nodes_count(kernel: str, second: DraftNode, kernels: tuple[str, ...]) -> None:
    assert ram(boot_nodes(kernel, memory(FIRST), second)) == (BOTH if kernel in kernels else ONE)


@pytest.mark.parametrize("kernel", KERNELS)
def test_entries_of_size_0_are_skipped_in_silence(kernel: str) -> None:
    result = boot_nodes(kernel, memory(FIRST, (0xB000_0000, 0), (0, 0)))
    assert not any("Ignoring" in line for line in result.log)


@pytest.mark.parametrize("kernel", KERNELS)
def test_missing_root_cells_count_as_one(kernel: str) -> None:
    # 1.1: defaults 1 and 1, whatever the device tree specification says.
    tree = board_of(cpus(), memory(name="memory", extra={"reg": cells(*FIRST)}), root={})
    assert ram(boot(tree, usual_scene(kernel))) == ONE


@pytest.mark.parametrize("kernel", KERNELS)
def test_hotpluggable_memory(kernel: str) -> None:
    # 2.4, 13: NUMA set-up of 6.12 and later clears the flag.
    second = memory(SECOND, name="memory@90000000", extra={"hotpluggable": b""})
    result = boot_nodes(kernel, memory(FIRST), second)
    flagged = [(entry.base, entry.size) for entry in result.memory if entry.flags & 1]
    assert flagged == ([SECOND] if kernel in OLD else [])


# ---- 6.2: whole pages --------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("bank", "added", "line"),
    [
        # base up to 0x90001000, size 0x3000 - 0x800 = 0x2800, down to 0x2000
        pytest.param((0x9000_0800, 0x3000), (0x9000_1000, 0x9000_3000), None, id="both-ends"),
        pytest.param((0x9000_0000, 0x1FFF), (0x9000_0000, 0x9000_1000), None, id="end"),
        pytest.param((0x9000_0FFF, 0x1001), (0x9000_1000, 0x9000_2000), None, id="base"),
        pytest.param((0x9000_0000, 0x1000), (0x9000_0000, 0x9000_1000), None, id="one-page"),
        # 0xfff < 0x1000 - 0
        pytest.param((0x9000_0000, 0xFFF), None, "0x90000000 - 0x90000fff", id="less-than-a-page"),
        # 0x400 < 0x1000 - 0x800
        pytest.param((0x9000_0800, 0x400), None, "0x90000800 - 0x90000c00", id="ends-in-its-page"),
        # 0x800 is not less than 0x1000 - 0x800: nothing is left, and nothing is said
        pytest.param((0x9000_0800, 0x800), None, None, id="nothing-left"),
        # %llx is not padded
        pytest.param((0x800, 1), None, "0x800 - 0x801", id="not-padded"),
    ],
)
def test_memory_is_cut_to_whole_pages(
    kernel: str, bank: tuple[int, int], added: tuple[int, int] | None, line: str | None
) -> None:
    result = boot_nodes(kernel, memory(FIRST), memory(bank, name="m"))
    assert ram(result) == ONE + ([added] if added else [])
    assert [said for said in result.log if said.startswith("OF: fdt: Ignoring")] == (
        [f"OF: fdt: Ignoring memory block {line}"] if line else []
    )


def test_memory_is_cut_to_pages_of_16_kib() -> None:
    result = boot_nodes("6.12", memory(FIRST), memory((0x9000_1000, 0x8000), name="m"), page_size=16384)
    assert ram(result) == [*ONE, (0x9000_4000, 0x9000_8000)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_block_over_the_end_of_all_addresses_wraps_silently(kernel: str) -> None:
    # 6.2 step 4 in u64 arithmetic: base + size - 1 wraps to 0xfff, which is not above 2^64 - 1. 1.2 step 5b then
    # removes what is above PA_BITS.
    result = boot_nodes(kernel, memory(FIRST), memory(((1 << 64) - 0x1000, 0x2000), name="m"))
    assert ram(result) == ONE
    assert not any("Ignoring" in line for line in result.log)


@pytest.mark.parametrize(("kernel", "bits"), [("5.10", 48), ("6.1", 48), ("6.12", 52), ("7.2", 52)])
def test_ram_above_the_physical_addresses_is_dropped(kernel: str, bits: int) -> None:
    # 1.2 step 5b, PA_BITS of section 10. A linear map of 2^47 bytes from 0x40000000 drops it on 6.12 and 7.2 as well.
    result = boot_nodes(kernel, memory(FIRST), memory((1 << bits, GIB), name="m"))
    assert ram(result) == ONE


# ---- 6.3: linux,usable-memory-range ------------------------------------------------------------------------
LOW, HIGH = (0x4000_0000, mib(256)), (0x6000_0000, mib(256))
FIRST_256 = (0x4000_0000, 0x5000_0000)


def every(expected: list[tuple[int, int]]) -> dict[str, list[tuple[int, int]]]:
    return dict.fromkeys(KERNELS, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(wide(*LOW), every([FIRST_256]), id="one"),
        pytest.param(
            wide(*LOW, *HIGH),
            {**every([FIRST_256, (0x6000_0000, 0x7000_0000)]), "5.10": [FIRST_256]},
            id="two",
        ),
        pytest.param(wide(0x4000_0000, 0), every(ONE), id="size-0-is-no-cap"),
        # One cell too many: 7.2 refuses it, 5.10 only reads the first entry; 6.1 and 6.12: see the next test.
        pytest.param(wide(*LOW) + cells(0), {"5.10": [FIRST_256], "7.2": ONE}, id="odd-length"),
        # 18 bytes: 18 % 4 != 0, refused by 6.1 and later; 5.10 only wants at least 4 bytes.
        pytest.param(wide(*LOW) + b"\0\0", {**every(ONE), "5.10": [FIRST_256]}, id="odd-bytes"),
        pytest.param(b"", every(ONE), id="empty"),
    ],
)
def test_usable_memory_range(value: bytes, expected: dict[str, list[tuple[int, int]]]) -> None:
    chosen = node("chosen", {"linux,usable-memory-range": value})
    found = {kernel: ram(boot_nodes(kernel, memory(FIRST), chosen)) for kernel in expected}
    assert found == expected


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_a_short_second_range_is_completed_from_behind_the_property(kernel: str) -> None:
    # 6.3: accepted, since 20 bytes are a multiple of 4. The second entry is the cell 0x60000000 and what follows it in
    # the blob: FDT_END_NODE 2, then (this node is the last one) FDT_END_NODE 2 of the root and FDT_END 9:
    # base 0x60000000_00000002, size 0x00000002_00000009. That lies above all physical addresses, and PA_BITS cuts
    # it off again (1.2 step 5b): RAM is the first range.
    chosen = node("chosen", {"linux,usable-memory-range": wide(*LOW) + cells(0x6000_0000)})
    result = boot_nodes(kernel, memory(FIRST), chosen)
    assert ram(result) == [FIRST_256]
    added = [step for step in result.trace if "second range" in step.reason]
    assert [(step.base, step.size) for step in added] == [(0x6000_0000_0000_0002, 0x2_0000_0009)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_usable_memory_range_keeps_nomap_outside(kernel: str) -> None:
    # 6.3, 13: regions are scanned after the cap, so NOMAP can only be there from EFI; here: nothing outside is left.
    fw = region("fw@70000000", "no-map", reg=[(0x7000_0000, MIB)])
    chosen = node("chosen", {"linux,usable-memory-range": wide(*LOW)})
    assert ram(boot_nodes(kernel, memory(FIRST), reserved_memory(fw), chosen)) == [FIRST_256]


# ---- 6.4: mem= ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("argument", "end", "mib_shown"),
    [
        pytest.param("mem=512M", 0x6000_0000, 512, id="512M"),
        pytest.param("mem=0x10000fff", 0x5000_0000, 256, id="rounded-down-to-pages"),
        pytest.param("mem=1G mem=256M", 0x5000_0000, 256, id="the-last-counts"),
        pytest.param("mem=4G", 0x8000_0000, 4096, id="more-than-there-is"),
    ],
)
def test_mem_limits_ram(kernel: str, argument: str, end: int, mib_shown: int) -> None:
    result = boot_nodes(kernel, memory(FIRST), cmdline=argument)
    assert ram(result) == [(0x4000_0000, end)]
    assert f"Memory limited to {mib_shown}MB" in result.messages
    assert f"Memory limited to {mib_shown}MB" not in result.log


@pytest.mark.parametrize("kernel", KERNELS)
def test_mem_forgets_the_tree_and_brings_the_kernel_back(kernel: str) -> None:
    # 8.26: `reserved` above the limit is cut: the tree at 0x48000000 is not protected any more. 1.2 e: the image is
    # added again: [0x40200000, end of the image), whose last pages are above 32 MiB.
    result = boot_nodes(kernel, memory(FIRST), cmdline="mem=32M", dtb_at=0x4800_0000)
    image = result.scene.kernel_image
    assert image is not None
    assert ram(result) == [(0x4000_0000, max(image.end, 0x4200_0000))]
    assert is_free(result, 0x4800_0000, 0x1000)
    assert not any(claim.who == "dtb" for claim in result.claims)


# ---- 1.1: /chosen ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("names", "found"),
    [
        pytest.param(("chosen",), dict.fromkeys(KERNELS, "chosen"), id="chosen"),
        pytest.param(("chosen@0",), dict.fromkeys(KERNELS, "chosen@0"), id="chosen@0"),
        pytest.param(("chosen@1",), dict.fromkeys(KERNELS[1:], "chosen@1"), id="chosen@1"),
        pytest.param(("Chosen",), {}, id="case-counts"),
        # 5.10 takes the first with either name; libfdt the first whose name is `chosen`, unit address or not.
        pytest.param(("chosen@0", "chosen"), dict.fromkeys(KERNELS, "chosen@0"), id="both"),
        pytest.param(
            ("chosen@1", "chosen"),
            {"5.10": "chosen", **dict.fromkeys(KERNELS[1:], "chosen@1")},
            id="another-first",
        ),
    ],
)
def test_which_chosen_counts(kernel: str, names: tuple[str, ...], found: dict[str, str]) -> None:
    nodes = [node(name, {"bootargs": text(f"from={name}")}) for name in names]
    result = boot_nodes(kernel, memory(FIRST), *nodes)
    assert result.scene.cmdline == (f"from={found[kernel]}" if kernel in found else "")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        pytest.param(wide(0x5000_0000), wide(0x5080_0000), KERNELS, id="two-cells"),
        pytest.param(cells(0x5000_0000), cells(0x5080_0000), KERNELS, id="one-cell"),
        # any width: only the last 64 bits survive
        pytest.param(cells(7) + wide(0x5000_0000), wide(0x5080_0000), KERNELS, id="three-cells"),
        pytest.param(wide(0x5000_0000), None, (), id="no-end"),
        pytest.param(None, wide(0x5080_0000), (), id="no-start"),
        pytest.param(wide(0x5000_0000), wide(0x5000_0000), (), id="empty"),
    ],
)
def test_initrd_of_chosen(kernel: str, start: bytes | None, end: bytes | None, kept: tuple[str, ...]) -> None:
    values = {"linux,initrd-start": start, "linux,initrd-end": end}
    chosen = node("chosen", {name: value for name, value in values.items() if value is not None})
    result = boot_nodes(kernel, memory(FIRST), chosen)
    assert result.scene.initrd == (Span(0x5000_0000, 0x5080_0000) if kernel in kept else None)
    assert is_reserved(result, 0x5000_0000, 0x80_0000) is (kernel in kept)


@pytest.mark.parametrize("kernel", KERNELS[1:])
def test_a_reversed_initrd_is_ignored(kernel: str) -> None:
    chosen = node("chosen", {"linux,initrd-start": wide(0x5080_0000), "linux,initrd-end": wide(0x5000_0000)})
    assert boot_nodes(kernel, memory(FIRST), chosen).scene.initrd is None


@pytest.mark.parametrize("kernel", KERNELS)
def test_initrd_takes_whole_pages(kernel: str) -> None:
    # 1.2 f: base = rdn(start), end = rup(end)
    result = boot_nodes(kernel, memory(FIRST), initrd=Span(0x5000_0801, 0x5000_1001))
    (claim,) = [claim for claim in result.claims if claim.who == "initrd"]
    assert (claim.base, claim.size) == (0x5000_0000, 0x2000)


@pytest.mark.parametrize("kernel", KERNELS)
def test_initrd_below_ram_is_dropped(kernel: str) -> None:
    result = boot_nodes(kernel, memory(FIRST), initrd=Span(0x3000_0000, 0x3000_1000))
    warning = "initrd not fully accessible via the linear mapping -- please check your bootloader ..."
    assert warning in result.messages
    assert is_free(result, 0x3000_0000, 0x1000)


@pytest.mark.parametrize("kernel", KERNELS)
def test_initrd_in_a_hole_turns_it_into_ram(kernel: str) -> None:
    # 1.2 f: no check on arm64; what is no RAM becomes RAM.
    result = boot_nodes(
        kernel, memory(FIRST), memory(SECOND, name="m"), initrd=Span(0x8800_0000, 0x8810_0000)
    )
    assert (0x8800_0000, 0x8810_0000) in ram(result)


# ---- 1.6: elfcorehdr and the reservation block -------------------------------------------------------------
ELF = {"linux,elfcorehdr": wide(0x7F00_0000, mib(16))}
ELF_LINE = "OF: fdt: Reserving 16384 KiB of memory at 0x7f000000 for elfcorehdr"
ELF_LINE_510 = "Reserving 16384KB of memory at 0x7f000000 for elfcorehdr"


@pytest.mark.parametrize("kernel", KERNELS)
def test_elfcorehdr_and_a_dynamic_region(kernel: str) -> None:
    # 5.10: after the regions, so it is overlapped; 6.1: after the scan, before they are placed; later: first.
    dyn = region("dyn", size=mib(16))
    result = boot_nodes(kernel, memory(FIRST), reserved_memory(dyn), node("chosen", ELF))
    if kernel == "5.10":
        assert named(result, "dyn").base == 0x7F00_0000
        assert "elfcorehdr is overlapped" in result.messages
    else:
        assert named(result, "dyn").base == 0x7E00_0000
        assert ELF_LINE in result.log


@pytest.mark.parametrize("kernel", KERNELS)
def test_elfcorehdr_and_a_static_region(kernel: str) -> None:
    fw = region("fw@7f800000", reg=[(0x7F80_0000, MIB)])
    result = boot_nodes(kernel, memory(FIRST), reserved_memory(fw), node("chosen", ELF))
    expected = {"5.10": "elfcorehdr is overlapped", "6.1": "OF: fdt: elfcorehdr is overlapped"}
    assert expected.get(kernel, ELF_LINE) in result.messages
    assert any(claim.who == "elfcorehdr" for claim in result.claims) is (kernel in NEW)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("value", "kernels"),
    [
        pytest.param(ELF["linux,elfcorehdr"], KERNELS, id="one-entry"),
        pytest.param(ELF["linux,elfcorehdr"] + wide(0, 0), KERNELS[:3], id="two-entries"),
        pytest.param(wide(0x7F00_0000, 0), (), id="size-0"),
        pytest.param(b"\0\0", (), id="two-bytes"),
    ],
)
def test_elfcorehdr_length(kernel: str, value: bytes, kernels: tuple[str, ...]) -> None:
    result = boot_nodes(kernel, memory(FIRST), node("chosen", {"linux,elfcorehdr": value}))
    line = ELF_LINE_510 if kernel == "5.10" else ELF_LINE
    assert (line in result.messages) is (kernel in kernels)
    assert is_reserved(result, 0x7F00_0000, mib(16)) is (kernel in kernels)


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_entry_of_size_0_ends_the_reservation_block(kernel: str) -> None:
    reserve = [(0x5000_0000, MIB), (0x5100_0000, 0), (0x5200_0000, MIB)]
    result = boot_regions(kernel, reserve=reserve)
    assert is_reserved(result, 0x5000_0000, MIB)
    assert is_free(result, 0x5100_0000, 0x200_0000)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_efi_stub_deletes_the_reservation_block(kernel: str) -> None:
    result = boot_regions(kernel, reserve=[(0x5000_0000, MIB)], efi=True)
    assert is_free(result, 0x5000_0000, MIB)


# ---- 1.2: the tree and the image ---------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_tree_and_image_are_reserved_byte_by_byte(kernel: str) -> None:
    blob = blob_of(cpus(), memory(FIRST))
    result = boot_nodes(kernel, memory(FIRST))
    claims = {
        claim.who: (claim.base, claim.size) for claim in result.claims if claim.who in ("dtb", "kernel")
    }
    # totalsize is not rounded; of the image what is left once init_pg_dir is given back (5.10 and 6.1, 4.6 step 3)
    assert claims["dtb"] == (0x4800_0000, len(blob))
    starts = {"5.10": 0x4020_0000, "6.1": 0x4021_0000, "6.12": 0x4020_0000, "7.2": 0x4020_0000}
    assert min(claim.base for claim in result.claims if claim.who == "kernel") == starts[kernel]


def test_a_cap_without_any_memory_warns_since_6_1() -> None:
    # 2.6. RAM of less than a page is ignored, and nothing is left.
    chosen = node("chosen", {"linux,usable-memory-range": wide(*LOW)})
    warning = "memblock_cap_memory_range: No memory registered yet"
    said = {
        kernel: warning in boot_nodes(kernel, chosen, memory=(Span(0x4000_0000, 0x4000_0400),)).messages
        for kernel in KERNELS
    }
    assert said == {"5.10": False, "6.1": True, "6.12": True, "7.2": True}


@pytest.mark.parametrize("kernel", KERNELS)
def test_root_cells_of_0(kernel: str) -> None:
    # No entry can be read: RAM is not known, and the range means nothing.
    root = {"#address-cells": cells(0), "#size-cells": cells(0)}
    chosen = node("chosen", {"linux,usable-memory-range": wide(*LOW)})
    tree = board_of(cpus(), memory(FIRST), chosen, root=root)
    assert boot(tree, usual_scene(kernel)).ram_known is False
    assert ram(boot(tree, usual_scene(kernel, memory=(Span.sized(*FIRST),)))) == ONE


# ---- 1.2 step 5d: the linear map ---------------------------------------------------------------------------
LINEAR = 1 << 47
FAR = (LINEAR + 2 * GIB, GIB)


@pytest.mark.parametrize("kernel", KERNELS)
def test_ram_beyond_the_linear_map_is_dropped(kernel: str) -> None:
    result = boot_nodes(kernel, memory(FIRST), memory(FAR, name="far"))
    assert ram(result) == ONE
    warning = "Memory doesn't fit in the linear mapping, VA_BITS too small"
    assert (warning in result.messages) is (kernel != "5.10")


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_far_up_keeps_the_upper_ram(kernel: str) -> None:
    # What is above max(memstart + linear_size, end of the image) goes first; then memstart moves up to end - linear_size,
    # rounded up to 1 GiB, and what is below that goes: all of the lower bank, and nothing of the upper one.
    image = Span.sized(FAR[0] + 0x20_0000, 0x100_0000)
    result = boot_nodes(kernel, memory(FIRST), memory(FAR, name="far"), kernel_image=image)
    assert [(base, end) for base, end in ram(result) if end <= 0x8000_0000] == []
    assert ram(result)[-1] == (FAR[0], image.end)
