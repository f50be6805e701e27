# SPDX-License-Identifier: Apache-2.0
"""A log as facts: the machine, boots apart, what was not understood, what failed later."""

from __future__ import annotations

import pytest

from carveout.observe.log import Log, read_log
from carveout.observe.log_failures import FailureKind, find_failure
from carveout.observe.log_lines import Record
from carveout.observe.log_map import log_map
from carveout.span import Span

BANNER = "Linux version 6.6.31+rpt-rpi-2712 (serge@raspberrypi.com) (aarch64-linux-gnu-gcc-12) #1 SMP PREEMPT"


def read(*lines: str, boot: int | None = None) -> Log:
    return read_log(["".join(f"[    0.000000] {line}\n" for line in lines).encode()], boot=boot)


def test_the_machine() -> None:
    boot = read(
        "Booting Linux on physical CPU 0x0000000000 [0x414fd0b1]",
        BANNER,
        "Machine model: Raspberry Pi 5 Model B Rev 1.0",
        "efi: UEFI not found.",
        "Zone ranges:",
        "  DMA      [mem 0x0000000000000000-0x00000000ffffffff]",
        "  Normal   [mem 0x0000000100000000-0x00000001ffffffff]",
        "  Device   empty",
        "Early memory node ranges",
        "  node   0: [mem 0x0000000000000000-0x000000000007ffff]",
        "  node   0: [mem 0x0000000000080000-0x000000003fbfffff]",
        "  node   0: [mem 0x0000000040000000-0x00000001ffffffff]",
        "Kernel command line: reboot=w coherent_pool=1M cma=64M",
        "Dentry cache hash table entries: 1048576 (order: 9, 8388608 bytes, linear)",
        "Memory: 8161936K/8384512K available (12608K kernel code, 157040K reserved, 65536K cma-reserved)",
    ).boot
    assert (boot.release, boot.arch, boot.page_size) == ("6.6.31+rpt-rpi-2712", "arm64", 16384)
    assert boot.model == "Raspberry Pi 5 Model B Rev 1.0"
    assert boot.cmdline == "reboot=w coherent_pool=1M cma=64M"
    assert boot.ram == (Span(0, 0x3FC0_0000), Span(0x4000_0000, 0x2_0000_0000))
    assert boot.memory_line["cma-reserved"] == 65536
    assert boot.zones["Device"] is None
    assert not boot.is_efi
    assert boot.covers_regions


@pytest.mark.parametrize(
    ("line", "arch"),
    [
        ("CPU: ARMv7 Processor [410fc075] revision 5 (ARMv7), cr=10c5387d", "arm"),
        ("Linux version 6.1.0 (a@b) (arm-linux-gnueabihf-gcc 12) #1", "arm"),
        ("Linux version 6.12.107+deb13-armmp (debian) (gcc) #1", "arm"),
        ("SBI specification v1.0 detected", "riscv64"),
        ("Linux version 5.15.0 (riscv64-unknown-linux-gnu-gcc) #1", "riscv64"),
        ("Linux (none) 5.10.0-32-arm64 #1 SMP Debian 5.10.223-1 aarch64 GNU/Linux", "arm64"),
    ],
)
def test_the_architecture(line: str, arch: str) -> None:
    assert read(line).boot.arch == arch


def test_boots_are_apart() -> None:
    first = ["Booting Linux on physical CPU 0x0", BANNER, "cma: Reserved 64 MiB at 0x10000000"]
    second = [
        "Booting Linux on physical CPU 0x0",
        BANNER.replace("6.6.31", "6.6.40"),
        "cma: Reserved 32 MiB at 0x20000000",
    ]
    log = read(*first, *second)
    assert [(one.number, one.release) for one in log.boots] == [
        (1, "6.6.31+rpt-rpi-2712"),
        (2, "6.6.40+rpt-rpi-2712"),
    ]
    assert [said.get("mib") for said in log.boot.said] == [32]
    assert [said.get("mib") for said in read(*first, *second, boot=1).boot.said] == [64]


def test_the_last_boot_that_says_something_is_chosen() -> None:
    log = read(
        "Booting Linux on physical CPU 0x0",
        BANNER,
        "cma: Reserved 64 MiB at 0x10000000",
        "Booting Linux on physical CPU 0x0",
    )
    assert log.boot.number == 1


def test_a_version_that_somebody_printed_is_no_boot() -> None:
    log = read_log([f"[    0.0] {BANNER}\n[    0.0] cma: Reserved 64 MiB at 0x1000\n{BANNER}x\n".encode()])
    late = read_log(
        [f"[    0.0] {BANNER}\n[    0.0] cma: Reserved 64 MiB at 0x1000\n[  99.0] {BANNER}\n".encode()]
    )
    assert len(late.boots) == 1
    assert len(log.boot.said) == 1


def test_what_is_not_understood_is_shown() -> None:
    boot = read(
        "OF: reserved mem: something nobody has seen before",
        "usb 1-1: no memory",
        "OF: reserved mem: 0x50000000..0x500fffff (1024 KiB) map non-reusable a",
        "cma: a new message",
    ).boot
    assert [record.text for record in boot.missed] == [
        "OF: reserved mem: something nobody has seen before",
        "cma: a new message",
    ]
    assert boot.missed_count == 2


def test_registers_and_a_call_trace_are_no_messages() -> None:
    boot = read(
        "lr : memblock_alloc_try_nid+0x94/0xb8",
        "pc : cma_alloc+0x10/0x300",
        " fdt_scan_reserved_mem_reg_nodes+0xcc/0x370",
        "fdt_scan_reserved_mem_reg_nodes+0xcc/0x370",
        " fdt_init_reserved_mem_node+0xcc/0x370 (P)",
    ).boot
    assert boot.missed == ()


def test_a_message_broken_over_two_lines_is_mended() -> None:
    text = "OF: reserved mem: failed to allocate memory for node 'linux,c"
    boot = read_log([f"[    0.0] {text}\nma': size 512 MiB\n".encode()]).boot
    assert [(said.family, said.name) for said in boot.said] == [("alloc-failed", "linux,cma")]
    assert boot.missed_count == 0


def test_two_messages_without_line_feed_are_two() -> None:
    text = (
        "OF: reserved mem: node a compatible matching failOF: reserved mem: node b compatible matching fail\n"
    )
    assert [said.name for said in read_log([text.encode()]).boot.said] == ["a", "b"]


def test_memblock_is_read() -> None:
    boot = read(
        "memblock_reserve: [0x0000000040200000-0x00000000426effff] arm64_memblock_init+0x1/0x2",
        "MEMBLOCK configuration:",
        " memory[0x0]\t[0x0000000040000000-0x000000007fffffff], 0x0000000040000000 bytes on node 0 flags: 0x0",
    ).boot
    assert boot.dump is not None
    assert boot.dump.memory == ((0x4000_0000, 0x4000_0000, 0, 0),)
    assert boot.ops[0].caller == "arm64_memblock_init"


@pytest.mark.parametrize(
    ("text", "kind", "device", "errno", "area"),
    [
        ("cma: cma_alloc: alloc failed, req-size: 2025 pages, ret: -12", FailureKind.CMA, None, 12, None),
        ("cma: __cma_alloc: linux,cma: alloc failed, req-size: 512 pages, ret: -16", FailureKind.CMA, None, 16, "linux,cma"),
        ("udmabuf udmabuf@0: of_reserved_mem_device_init failed. return=-22", FailureKind.REGION, "udmabuf@0", 22, None),
        ("ramoops: probe of 51200000.ramoops failed with error -22", FailureKind.PROBE, "51200000.ramoops", 22, None),
        ("q6v5 4080000.remoteproc: probe with driver q6v5 failed with error -12", FailureKind.PROBE, "4080000.remoteproc", 12, None),
        ("imx-rproc imx8mp-cm7: unable to acquire memory-region", FailureKind.REMOTEPROC, "imx8mp-cm7", None, None),
        ("remoteproc remoteproc0: Boot failed: -22", FailureKind.REMOTEPROC, "remoteproc0", 22, None),
        ("vc4-drm gpu: [drm] *ERROR* Failed to allocate from GEM DMA helper:", FailureKind.ALLOCATION, "gpu", None, None),
        ("memremap attempted on ram 0x000000005c000000 size: 0x1230000", FailureKind.MAPPING, None, None, None),
        ("DMA: failed to allocate 256 KiB GFP_KERNEL pool for atomic allocation", FailureKind.ATOMIC_POOL, None, None, None),
        ("rkisp ff910000.rkisp: failed to get reserved memory -ENODEV", FailureKind.REGION, "ff910000.rkisp", 19, None),
        ("BUG: Bad page state in process swapper/0  pfn:80000", FailureKind.PAGES, None, None, None),
    ],
)  # fmt: skip
def test_later_failures(
    text: str, kind: FailureKind, device: str | None, errno: int | None, area: str | None
) -> None:
    failure = find_failure(Record(1, text, 1.0, is_headed=True))
    assert failure is not None
    assert (failure.kind, failure.device, failure.errno, failure.area) == (kind, device, errno, area)


@pytest.mark.parametrize(
    "text",
    [
        "usb 1-1: device descriptor read/64, error -71",
        "EXT4-fs error (device mmcblk0p2): ext4_find_entry",
        "mmc0: Timeout waiting for hardware interrupt",
        "foo: probe of bar failed with error -517",
        "cma: Reserved 64 MiB at 0x10000000",
    ],
)
def test_other_failures_are_none(text: str) -> None:
    assert find_failure(Record(1, text, 1.0, is_headed=True)) is None


def test_a_log_alone_is_a_map() -> None:
    shown = log_map(
        read(
            "Reserved memory: created CMA memory pool at 0x0000000070000000, size 1 MiB",
            "OF: reserved mem: initialized node a, compatible id shared-dma-pool",
            "OF: reserved mem: 0x0000000070000000..0x00000000700fffff (1024 KiB) map reusable a",
            "cma: Reserved 64 MiB at 0x0000000010000000",
            "OF: reserved mem: failed to allocate memory for node 'b': size 4 MiB",
            "OF: reserved mem: OVERLAP DETECTED!",
            "a (0x1000--0x2000) overlaps with b (0x1800--0x2800)",
            "Early memory node ranges",
            "  node   0: [mem 0x0000000000000000-0x000000007fffffff]",
        ).boot
    )
    assert [(row.name, row.span.start, row.kind) for row in shown.rows] == [
        ("default CMA area", 0x1000_0000, "cma"),
        ("a", 0x7000_0000, "cma"),
    ]
    assert [failure.name for failure in shown.failed] == ["b"]
    assert len(shown.overlaps) == 1
    assert shown.ram == (Span(0, 0x8000_0000),)
