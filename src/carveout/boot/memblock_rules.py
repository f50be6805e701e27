# SPDX-License-Identifier: Apache-2.0
"""What differs between the memblocks of kernels and architectures, and how its operations fail."""

from __future__ import annotations

from carveout.values import NamedTuple

ENOMEM = 12
"""Operations return -ENOMEM when a list is full and cannot grow."""


class MemblockPanic(Exception):  # not a fault of ours: the simulated kernel stops here
    """The kernel stops because a list is full. Raised through the boot, which turns it into its outcome."""

    def __init__(self, list_name: str) -> None:
        self.text = f"memblock: cannot resize {list_name} array"
        super().__init__(self.text)


class MemblockRules(NamedTuple):
    """How one kernel's memblock behaves. Sizes in bytes, capacities in entries."""

    phys_bits: int
    """Width of a physical address: 32 or 64."""
    page_size: int
    smp_cache_bytes: int
    """The alignment that stands for "none asked"."""
    memory_capacity: int = 128
    reserved_capacity: int = 128
    growth_panics: bool = False
    """A full list before `can_resize` is a panic; otherwise the operation fails with -ENOMEM."""
    marks_allocations: bool = False
    """An allocation is flagged RSRV_KERN, and carries the node it was asked for."""
    skips_hotplug: bool = False
    """Hotpluggable memory is never handed out (`movable_node`)."""
    entry_size: int = 24
    """What one region occupies when a list is moved to a larger array."""
