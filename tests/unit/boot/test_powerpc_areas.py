# SPDX-License-Identifier: Apache-2.0
"""powerpc64: crash kernel, KVM's contiguous area, the machine, and the tables of the linear map.

Numbers with a kernel beside them are from boots of Debian's 6.1.176 and 7.2.13 in QEMU (pseries with 1 GiB,
powernv9 with 2 GiB, one POWER9), made with the project's tools on 2026-11-23, or from the recorded boots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.board import read_board
from carveout.boot.cmdline import parse_cmdline
from carveout.boot.memblock import MemblockRules
from carveout.boot.powerpc_platform import read_platform
from carveout.boot.powerpc_setup import table_ends
from carveout.boot.region_drivers import KERNEL_DRIVERS
from carveout.boot.resolve import resolve_scene
from carveout.boot.result import BootOutcome, Exactness
from carveout.boot.scene import Scene
from carveout.boot.state import EarlyBoot
from carveout.fdt import parse
from carveout.span import GIB, MIB, TIB, Span
from support.boards import blob_of, cells, node, region, reserved_memory, text, wide
from support.powerpc import IMAGES, INITRD, bare_metal, guest, power_boot, power_cpus, vec5

if TYPE_CHECKING:
    from carveout.boot.result import Boot


def state_of(blob: bytes, cmdline: str = "", kernel: str = "7.2") -> EarlyBoot:
    board = read_board(parse(blob))
    scene = Scene(kernel=kernel, cmdline=cmdline, kernel_image=IMAGES[kernel], dtb_at=0x8000000)
    resolved, profile = resolve_scene(board, scene)
    return EarlyBoot(
        board=board,
        scene=resolved,
        profile=profile,
        arguments=parse_cmdline(resolved.cmdline),
        rules=MemblockRules(phys_bits=64, page_size=resolved.page_size, smp_cache_bytes=128),
        drivers=KERNEL_DRIVERS,
    )


def crash_lines(result: Boot) -> list[str]:
    return [line for line in result.messages if "rash" in line]


# ---- crashkernel= ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kernel", "cmdline", "lines"),
    [
        ("6.1", "crashkernel=128M",
         ["Reserving 128MB of memory at 512MB for crashkernel (System RAM: 1024MB)"]),
        ("6.12", "crashkernel=128M",
         ["Reserving 128MB of memory at 512MB for crashkernel (System RAM: 1024MB)"]),
        ("7.2", "crashkernel=128M",
         ["crashkernel reserved: 0x0000000020000000 - 0x0000000028000000 (128 MB)"]),
        ("6.1", "crashkernel=64M mem=512M",
         ["Reserving 64MB of memory at 256MB for crashkernel (System RAM: 512MB)"]),
        ("7.2", "crashkernel=64M mem=512M",
         ["crashkernel reserved: 0x0000000010000000 - 0x0000000014000000 (64 MB)"]),
        ("6.1", "crashkernel=64M@16M", ["Crash kernel can not overlap current kernel"]),
        ("7.2", "crashkernel=64M@16M", ["Crash kernel can not overlap current kernel"]),
        ("6.1", "crashkernel=64M@2G",
         ["Reserving 64MB of memory at 2048MB for crashkernel (System RAM: 1024MB)",
          "Failed to reserve memory for crashkernel!"]),
        ("7.2", "crashkernel=64M@2G", ["crashkernel reservation failed - memory is in use."]),
        ("6.1", "crashkernel=300M mem=512M",
         ["Adjusted memory limit for crashkernel, now 0x22c00000",
          "Reserving 300MB of memory at 256MB for crashkernel (System RAM: 556MB)"]),
        ("7.2", "crashkernel=300M mem=512M",
         ["crashkernel reserved: 0x0000000010000000 - 0x0000000022c00000 (300 MB)"]),
        ("6.1", "crashkernel=64M@300000001",
         ["Crash kernel base must be aligned to 0x10000",
          "Reserving 64MB of memory at 286MB for crashkernel (System RAM: 1024MB)"]),
        ("7.2", "crashkernel=64M,high", []),
        ("7.2", "", []),
    ],
)  # fmt: skip
def test_crashkernel(kernel: str, cmdline: str, lines: list[str]) -> None:
    assert crash_lines(power_boot(guest(), kernel, cmdline)) == lines


def test_the_crash_kernel_raises_the_limit_on_older_kernels() -> None:
    assert power_boot(guest(), "6.1", "crashkernel=300M mem=512M").memory[-1].size == 556 * MIB
    assert power_boot(guest(), "7.2", "crashkernel=300M mem=512M").memory[-1].size == 512 * MIB


def test_the_crash_kernel_comes_before_the_regions() -> None:
    window = [(0x20000000, 0x10000000)]
    blob = guest(region("d", size=MIB, alloc_ranges=window))
    result = power_boot(blob, "7.2", "crashkernel=255M")
    assert crash_lines(result) == ["crashkernel reserved: 0x0000000020000000 - 0x000000002ff00000 (255 MB)"]
    assert [r.base for r in result.regions] == [0x2FF00000]


def test_bare_metal_has_its_crash_kernel_lower() -> None:
    result = power_boot(bare_metal(), "7.2", "crashkernel=128M", dtb_at=0x28000000)
    assert crash_lines(result) == ["crashkernel reserved: 0x0000000008000000 - 0x0000000010000000 (128 MB)"]


@pytest.mark.parametrize(("kernel", "reads"), [("6.1", True), ("6.12", True), ("7.2", False)])
def test_a_crash_kernel_in_the_root(kernel: str, reads: bool) -> None:
    root = {
        "linux,crashkernel-base": (0x18000000).to_bytes(8, "little"),
        "linux,crashkernel-size": (0x8000000).to_bytes(8, "little"),
    }
    expected = ["Reserving 128MB of memory at 384MB for crashkernel (System RAM: 1024MB)"] if reads else []
    assert crash_lines(power_boot(guest(root=root), kernel)) == expected


def test_the_tree_is_moved_from_under_the_crash_kernel() -> None:
    result = power_boot(guest(), "7.2", "crashkernel=128M@128M")
    assert [step.reason for step in result.trace if step.subject == "dtb"] == [
        "the tree itself",
        "the tree is moved: its place is not safe",
    ]


# ---- KVM's area --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kernel", "cmdline", "size"),
    [
        ("6.1", "", 104 * MIB),  # 5 % of 2 GiB, in blocks of 2 MiB
        ("6.12", "", 104 * MIB),
        ("7.2", "", 104 * MIB),
        ("6.1", "disable_radix", 112 * MIB),  # in blocks of 16 MiB
        ("7.2", "disable_radix", 112 * MIB),
        ("7.2", "mem=1G", 52 * MIB),
        ("7.2", "kvm_cma_resv_ratio=10", 206 * MIB),
    ],
)
def test_kvm_keeps_a_share_of_ram_on_bare_metal(kernel: str, cmdline: str, size: int) -> None:
    result = power_boot(bare_metal(), kernel, cmdline, dtb_at=0x28000000)
    (area,) = result.cma
    assert (area.name, area.size, area.is_default) == ("kvm_cma", size, False)


@pytest.mark.parametrize(
    ("kernel", "line"),
    [
        ("6.1", "cma: Reserved 104 MiB at 0x0000000077800000"),
        ("6.12", "cma: Reserved 104 MiB at 0x0000000077800000 on node -1"),
        ("7.2", "cma: Reserved 102 MiB at 0x0000000075c00000"),
    ],
)
def test_where_kvms_area_is(kernel: str, line: str) -> None:
    result = power_boot(bare_metal(), kernel, "memblock=debug console=hvc0 panic=-1", dtb_at=0x28000000)
    assert result.log[-2:] == ("kvm_cma_reserve: reserving 102 MiB for global area", line)


@pytest.mark.parametrize("cmdline", ["kvm_cma_resv_ratio=0", "kvm_cma_resv_ratio=0 cma=64M"])
def test_kvm_keeps_nothing_when_told_so(cmdline: str) -> None:
    assert power_boot(bare_metal(), "7.2", cmdline, dtb_at=0x28000000).cma == ()


def test_a_guest_has_no_area() -> None:
    assert power_boot(guest(), "7.2").cma == ()


def test_an_area_of_a_build_that_was_not_booted_so_is_modelled() -> None:
    blob = bare_metal(region("d", size=MIB))
    image = Span(0, 0x2B90000)
    result = power_boot(blob, "7.2", page_size=65536, kernel_image=image, dtb_at=0x28000000)
    assert [area.exactness for area in result.cma] == [Exactness.MODELLED]
    assert [region.exactness for region in result.regions] == [Exactness.EXACT]
    assert result.outcome is BootOutcome.OK


@pytest.mark.parametrize(("kernel", "outcome"), [("6.1", BootOutcome.HANG), ("7.2", BootOutcome.OK)])
def test_bare_metal_with_hash_needs_whole_pages_of_16_mib(kernel: str, outcome: BootOutcome) -> None:
    # mem=1900M: 6.1 hung in both boots that were tried, newer kernels round down.
    result = power_boot(bare_metal(), kernel, "disable_radix mem=1900M", dtb_at=0x28000000)
    assert result.outcome is outcome
    assert (result.exactness is Exactness.EXACT) == (outcome is BootOutcome.OK)


# ---- the machine -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("blob", "cmdline", "radix"),
    [
        pytest.param(guest(mmu="radix"), "", True, id="guest-radix"),
        pytest.param(guest(mmu="hash"), "", False, id="guest-hash"),
        pytest.param(guest(mmu=None), "", False, id="guest-silent"),
        pytest.param(guest(mmu="radix"), "disable_radix", False, id="guest-disabled"),
        pytest.param(guest(mmu="radix"), "disable_radix=0", True, id="guest-not-disabled"),
        pytest.param(guest(mmu="radix"), "disable_radix=off", True, id="guest-off"),
        pytest.param(bare_metal(), "", True, id="bare"),
        pytest.param(bare_metal(), "disable_radix=yes", False, id="bare-disabled"),
    ],
)
def test_which_mmu(blob: bytes, cmdline: str, radix: bool) -> None:
    state = state_of(blob, cmdline)
    assert read_platform(state, GIB).radix is radix


def test_a_hash_guest_is_limited_by_its_first_block() -> None:
    platform = read_platform(state_of(guest(mmu="hash")), 512 * MIB)
    assert (platform.current_limit, platform.real_limit, platform.bolted_limit) == (512 * MIB, 512 * MIB, TIB)


def test_radix_is_not_limited() -> None:
    platform = read_platform(state_of(guest()), 512 * MIB)
    assert platform.current_limit == platform.real_limit == (1 << 64) - 1


def test_dynamic_regions_ignore_the_limit_of_a_hash_guest() -> None:
    # 13; RAM in two blocks, as QEMU makes it for 3 GiB.
    blob = guest(region("d", size=7 * MIB), ram=[(0, 2 * GIB), (2 * GIB, GIB)], mmu="hash")
    result = power_boot(blob, "7.2")
    assert [r.base for r in result.regions] == [0xBF900000]


def test_more_hardware_threads_leave_only_the_regions_exact() -> None:
    blob = blob_of(
        power_cpus(2),
        node("chosen", {"ibm,architecture-vec-5": vec5("radix")}),
        node("memory@0", {"device_type": text("memory"), "reg": wide(0, GIB)}),
        reserved_memory(region("d", size=MIB)),
    )
    result = power_boot(blob, "7.2")
    assert result.exactness is Exactness.MODELLED
    assert [r.exactness for r in result.regions] == [Exactness.EXACT]
    assert any("2 hardware threads" in note for note in result.notes)


def test_ram_that_is_not_read_is_said() -> None:
    blob = guest(region("d", size=MIB), others=[node("ibm,dynamic-reconfiguration-memory")])
    result = power_boot(blob, "7.2")
    assert "--memory" in result.regions[0].why


def test_fadump_counts_only_with_firmware_that_has_it() -> None:
    plain = power_boot(guest(region("d", size=MIB)), "7.2", "fadump=on")
    rtas = node("rtas", {"ibm,configure-kernel-dump": cells(0x202D)})
    supported = power_boot(guest(region("d", size=MIB), others=[rtas]), "7.2", "fadump=on")
    assert plain.regions[0].exactness is Exactness.EXACT
    assert "fadump=" in supported.regions[0].why


def test_without_ram_the_regions_of_the_tree_are_shown() -> None:
    result = power_boot(guest(region("a@20000000", reg=[(0x20000000, MIB)]), ram=[]), "7.2")
    assert not result.ram_known
    assert [r.base for r in result.regions] == [0x20000000]


# ---- tables ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("banks", "ends"),
    [
        # One table for 512 GiB, one for the first GiB; the second GiB is one page.
        pytest.param([(0, 2 * GIB)], [2 * GIB] * 2, id="whole"),
        # The second GiB ends early: 2 MiB pages need a table of their own.
        pytest.param([(0, 0x7F600000)], [0x7F600000] * 3, id="ends-early"),
        # And below 2 MiB a third level.
        pytest.param([(0, 0x7FD00000)], [0x7FD00000] * 4, id="odd-end"),
        # A hole of one page takes the third level once.
        pytest.param([(0, 0x25801000), (0x25803000, GIB)], [0x25801000] * 3, id="hole-in-2-mib"),
        pytest.param([(0, GIB), (600 * GIB, 601 * GIB)], [GIB] * 2 + [601 * GIB], id="far-away"),
    ],
)
def test_tables_of_the_linear_map(banks: list[tuple[int, int]], ends: list[int]) -> None:
    state = state_of(guest())
    for start, end in banks:
        state.mb.add(start, end - start)
    assert list(table_ends(state)) == ends


def test_no_map_is_not_mapped() -> None:
    state = state_of(guest())
    state.mb.add(0, GIB)
    state.mb.mark_nomap(0x3FD00000, 0x300000)
    assert list(table_ends(state)) == [0x3FD00000] * 3


def test_an_initrd_is_reserved_even_outside_ram() -> None:
    result = power_boot(guest(), "7.2", initrd=Span.sized(2 * GIB, INITRD.size))
    assert result.outcome is BootOutcome.PANIC
