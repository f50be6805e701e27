# SPDX-License-Identifier: Apache-2.0
"""The machines that kernels are booted on: QEMU's `virt`, per architecture, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carveout.span import KIB, MIB

if TYPE_CHECKING:
    from .kernels import Kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the raw loader puts things, in bytes from the start of RAM unless a scenario says otherwise."""

    kernel: int
    fdt: int
    initrd: int
    stub: int
    """The few instructions that enter the kernel as a boot loader would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """QEMU's `virt` of one architecture."""

    qemu: str
    cpu: str
    ram_base: int
    console: str
    earlycon: str
    """An early console that works together with memblock=debug; empty: there is none."""
    early_console: str
    """What shows the end of a boot that died before its console worked, without memblock=debug."""
    raw: Places | None
    """None: only QEMU's own loader."""
    moves_image: bool = False
    """The file is not where the kernel runs: a zImage unpacks itself elsewhere."""
    keeps_memory: bool = False
    """QEMU's own loader leaves the memory nodes of the tree as they are."""
    firmware_edits_tree: bool = False
    """OpenSBI changes the tree after QEMU has placed it."""


_RAW_ARM64 = Places(kernel=2 * MIB, fdt=128 * MIB, initrd=144 * MIB, stub=1536 * KIB)
_RAW_ARM = Places(kernel=32 * MIB, fdt=128 * MIB, initrd=144 * MIB, stub=1536 * KIB)

MACHINES = {
    # A bare `earlycon` starts only after paging_init(), when 7.2's log buffer has overflowed already.
    "arm64": Machine(
        qemu="qemu-system-aarch64",
        cpu="cortex-a53",
        ram_base=0x4000_0000,
        console="ttyAMA0",
        earlycon="earlycon=pl011,0x9000000",
        early_console="",
        raw=_RAW_ARM64,
    ),
    # With memblock=debug the kernel prints while its page tables are rebuilt: an early console would hang it.
    "arm": Machine(
        qemu="qemu-system-arm",
        cpu="cortex-a15",
        ram_base=0x4000_0000,
        console="ttyAMA0",
        earlycon="",
        early_console="earlycon",
        raw=_RAW_ARM,
        moves_image=True,
    ),
    "riscv64": Machine(
        qemu="qemu-system-riscv64",
        cpu="rv64",
        ram_base=0x8000_0000,
        console="ttyS0",
        earlycon="earlycon=uart8250,mmio,0x10000000",
        early_console="",
        raw=None,
        keeps_memory=True,
        firmware_edits_tree=True,
    ),
}


def cpu_for(kernel: Kernel) -> str:
    """Return the model of CPU: QEMU's cortex-a53 has no pages of 16 KiB."""
    return "max,lpa2=off,pauth-impdef=on" if kernel.page_size == 16 * KIB else MACHINES[kernel.arch].cpu


def command_line(machine: Machine, rest: str) -> str:
    """Return the whole kernel command line; rest: what the scenario adds."""
    return " ".join(
        f"{machine.earlycon} memblock=debug console={machine.console} nokaslr panic=-1 {rest}".split()
    )


def early_command_line(machine: Machine, rest: str) -> str:
    """Return the command line of a second boot, with an early console and without memblock=debug."""
    return " ".join(f"{machine.early_console} console={machine.console} nokaslr panic=-1 {rest}".split())


def jump_stub(arch: str, dtb: int, entry: int) -> bytes:
    """Return code that enters a kernel as its boot protocol wants: the tree in x0, or in r2 after r0 and r1.

    Source: Documentation/arch/arm64/booting.rst, Documentation/arch/arm/booting.rst.
    """
    words: tuple[int, ...]
    if arch == "arm64":
        words = (
            0x580000C0,  # ldr x0, dtb
            0xAA1F03E1,  # mov x1, xzr
            0xAA1F03E2,  # mov x2, xzr
            0xAA1F03E3,  # mov x3, xzr
            0x58000084,  # ldr x4, entry
            0xD61F0080,  # br x4
        )
        addresses = dtb.to_bytes(8, "little") + entry.to_bytes(8, "little")
    else:
        words = (
            0xE3A00000,  # mov r0, #0
            0xE59F1004,  # ldr r1, machine type
            0xE59F2004,  # ldr r2, dtb
            0xE59FF004,  # ldr pc, entry
            0xFFFFFFFF,  # machine type: none, the tree says it
        )
        addresses = dtb.to_bytes(4, "little") + entry.to_bytes(4, "little")
    return b"".join(word.to_bytes(4, "little") for word in words) + addresses
