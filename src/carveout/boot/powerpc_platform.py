# SPDX-License-Identifier: Apache-2.0
"""What a powerpc64 kernel runs on: a guest or bare metal, the hash or the radix MMU, and what these limit.

Source: early_init_devtree(), arch/powerpc/kernel/prom.c; mmu_early_init_devtree(), arch/powerpc/mm/init_64.c
(kernel-semantics 1.5, 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import number
from carveout.boot.fdt_scan import find_chosen
from carveout.span import MIB, TIB
from carveout.values import dataclass

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot
    from carveout.fdt import Node

_VEC5_MMU_BYTE = 0x18
_VEC5_MMU_MASK, _VEC5_RADIX = 0xC0, 0x40
# The upper half of the processor version: POWER9, its successors, and the architecture levels 3.0 and 3.1.
_RADIX_PROCESSORS = (0x4E, 0x80, 0x82)
_RADIX_LEVELS = (0x0F000005, 0x0F000006, 0x0F000007)
_SEGMENT_1T = 0x28
_PID_BITS_GUEST, _PID_BITS_BARE = 19, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The machine, as the tree and the command line describe it. Sizes in bytes."""

    bare_metal: bool
    """Runs on OPAL firmware, not below a hypervisor."""
    radix: bool
    rma_size: int
    """The first block of memory, which a guest uses in real mode; never more than the memory limit."""
    current_limit: int
    """What early allocations may use."""
    bolted_limit: int
    """What the kernel can reach without faulting: limits its interrupt stacks."""
    real_limit: int
    """What it can also reach in real mode: limits its per-CPU data and emergency stacks."""
    pid_bits: int
    """log2 of the entries in the process table of the radix MMU."""
    cpus: int
    """Hardware threads in the tree."""
    has_rtas: bool
    """A guest whose firmware left its run-time services in memory."""
    doubts: tuple[str, ...]
    """Why what is allocated after the regions is not certain, as sentences."""


def read_platform(state: EarlyBoot, rma_size: int) -> Platform:
    """Return the platform of a boot. rma_size: size of the first block of memory, within the memory limit."""
    tree = state.board.tree
    bare = tree.node("/ibm,opal") is not None
    cpus = _cpu_nodes(state)
    first = cpus[0] if cpus else None
    radix = _is_radix(state, first, bare=bare)
    doubts = []
    bolted = state.mask
    if not radix:
        terabyte = first is None or _SEGMENT_1T in _words(first, "ibm,processor-segment-sizes")
        bolted = TIB if terabyte else 256 * MIB
        if not terabyte:
            doubts.append("the processor has no segments of 1 TiB, which was never booted")
    limit = state.mask
    if not radix:
        limit = bolted if bare else rma_size
    threads = _threads(cpus)
    if threads > 1:
        doubts.append(f"{threads} hardware threads: the early data of all but one is not simulated")
    return Platform(
        bare_metal=bare,
        radix=radix,
        rma_size=rma_size,
        current_limit=limit,
        bolted_limit=bolted,
        real_limit=min(bolted, limit),
        pid_bits=_pid_bits(first, bare=bare),
        cpus=threads,
        has_rtas=not bare and _has_rtas(state),
        doubts=tuple(doubts),
    )


def _cpu_nodes(state: EarlyBoot) -> list[Node]:
    node = state.board.tree.node("/cpus")
    if node is None:
        return []
    found = []
    for child in node.children:
        kind = child.prop("device_type")
        if kind is not None and kind.value.rstrip(b"\0") == b"cpu":
            found.append(child)
    return found


def _threads(cpus: list[Node]) -> int:
    return sum(len(_words(node, "ibm,ppc-interrupt-server#s")) or 1 for node in cpus) or 1


def _words(node: Node, name: str) -> list[int]:
    prop = node.prop(name)
    value = prop.value if prop is not None else b""
    return [number(value[at : at + 4]) for at in range(0, len(value) - 3, 4)]


def _is_radix(state: EarlyBoot, cpu: Node | None, *, bare: bool) -> bool:
    if _radix_disabled(state):
        return False
    if bare:
        if state.board.tree.node("/cpus/ibm,powerpc-cpu-features/mmu-radix") is not None:
            return True
        processor = _words(cpu, "cpu-version") if cpu is not None else []
        return bool(processor) and _has_radix(processor[0])
    # A guest uses what was negotiated with the hypervisor; without an answer, the hash MMU.
    chosen = find_chosen(state.board, state.behaviour)
    vec5 = chosen.node.prop("ibm,architecture-vec-5") if chosen is not None else None
    if vec5 is None or vec5.length <= _VEC5_MMU_BYTE:
        return False
    return vec5.value[_VEC5_MMU_BYTE] & _VEC5_MMU_MASK == _VEC5_RADIX


def _has_radix(processor: int) -> bool:
    # The register says the model; below a hypervisor also the level of the architecture, 3.0 or later.
    return processor >> 16 in _RADIX_PROCESSORS or processor in _RADIX_LEVELS


def _radix_disabled(state: EarlyBoot) -> bool:
    if not state.arguments.has("disable_radix"):
        return False
    value = state.arguments.last("disable_radix")
    return value is None or (value[:1].lower() not in ("n", "0", "f") and value.lower() != "off")


def _pid_bits(cpu: Node | None, *, bare: bool) -> int:
    words = _words(cpu, "ibm,mmu-pid-bits") if cpu is not None else []
    return words[0] if words else _PID_BITS_BARE if bare else _PID_BITS_GUEST


def _has_rtas(state: EarlyBoot) -> bool:
    node = state.board.tree.node("/rtas")
    names = ("linux,rtas-base", "linux,rtas-entry", "rtas-size")
    return node is not None and all(name in node for name in names)


def region_gaps(state: EarlyBoot) -> list[str]:
    """Return why even what is placed first is not certain, as sentences."""
    tree, gaps = state.board.tree, []
    if tree.node("/ibm,dynamic-reconfiguration-memory") is not None and state.scene.memory_source == "tree":
        gaps.append("RAM in /ibm,dynamic-reconfiguration-memory is not read: pass --memory SIZE@BASE")
    rtas = tree.node("/rtas")
    dumps = tree.node("/ibm,opal/dump") if rtas is None else rtas.prop("ibm,configure-kernel-dump")
    if dumps is not None and (state.arguments.last("fadump") or "off") in ("on", "nocma"):
        gaps.append("fadump= with firmware that supports it: the memory it takes is not simulated")
    image = state.scene.kernel_image
    usual = state.profile.powerpc.image_size
    if image is not None and image.start:
        gaps.append("a kernel that does not run at 0 was never booted")
    elif image is not None and image.size != usual:
        gaps.append(f"the kernel image has 0x{image.size:x} bytes, the booted one 0x{usual:x}: another build")
    return gaps
