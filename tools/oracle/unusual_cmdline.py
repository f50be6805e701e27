# SPDX-License-Identifier: Apache-2.0
"""Twists of the command line: each parameter that has a say in early memory, in all its forms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from .scenario import Scenario

# `+0x…` counts from the start of RAM.
_CMA = (
    "cma=0", "cma=64M", "cma=1", "cma=4K", "cma=33M", "cma=0x2000000", "cma=64MB", "cma=", "cma=16M@0", "cma=16M@+0x10000000",
    "cma=16M@+0x10100000", "cma=16M@+0x10000000-+0x14000000", "cma=64M@+0x10000000-+0x11000000", "cma=16M@0-+0x8000000",
    "cma=16M@0-0", "cma=8M@+0x10000000-0", "cma=2G", "cma=3G", "cma=200M@+0x0", "cma=16M@+0x3f000000", "cma=16M@+0x3f800000",
    "cma=16M cma=32M", "cma=16M@+0x10000000 cma=64M", "cma=12M@+0x12345000", "cma=-1", "cma=16m", "cma=1G@0x100000000",
    "cma=64M@0-0x100000000", "cma=64M@0x80000000-0x180000000",
)  # fmt: skip
_MEM = (
    "mem=700M", "mem=513M", "mem=333M1", "mem=0", "mem=256M", "mem=400000K", "mem=0x20000800", "mem=512M@+0x0", "mem=8G",
    "mem=300M mem=600M", "mem=512M mem=256M", "mem=450M@+0x0 mem=64M@+0x20000000",
)  # fmt: skip
_CRASH = (
    "crashkernel=64M", "crashkernel=64M@+0x10000000", "crashkernel=64M@+0x10001000", "crashkernel=64M,high",
    "crashkernel=64M,high crashkernel=32M,low", "crashkernel=32M,low", "crashkernel=0", "crashkernel=256M-:48M",
    "crashkernel=256M-1G:32M,1G-:64M", "crashkernel=1G-:32M@+0x18000000", "crashkernel=2G-:64M", "crashkernel=33M",
    "crashkernel=512M", "crashkernel=5G", "crashkernel=64M@+0x200000", "crashkernel=64M crashkernel=32M", "crashkernel=64M,foo",
    "crashkernel=64M@0", "crashkernel=16M,cma", "crashkernel=64M crashkernel=32M,cma", "crashkernel=1M", "crashkernel=512M-1G:",
    "crashkernel=64M,high crashkernel=0,low", "crashkernel=128M@+0x30000000",
)  # fmt: skip
_CRASH_MALFORMED = (
    "crashkernel=", "crashkernel=x", "crashkernel=1G-512M:32M", "crashkernel=512M-2G", "crashkernel=512M-2G:5G",
    "crashkernel=64M,high,foo", "crashkernel=512M-2G:32M@", "crashkernel=64Mfoo", "crashkernel=512M-:32M,foo", "crashkernel=-2G:32M",
    "crashkernel=512M-x:32M", "crashkernel=512M-2G;32M:", "crashkernel=64M@x", "crashkernel=512M-2G:0", "crashkernel=512M-2G:",
    "crashkernel=64M,", "crashkernel=,high", "crashkernel=64Mx,high", "crashkernel=64M@+0x10000000foo", "crashkernel=32M,low,high",
)  # fmt: skip
_HUGE = (
    "hugepages=16", "hugepagesz=1G hugepages=1", "default_hugepagesz=1G hugepages=1", "hugepagesz=32M hugepages=2",
    "hugepagesz=64K hugepages=64", "hugepagesz=2M hugepages=8 hugepagesz=1G hugepages=1", "hugetlb_cma=512M", "hugetlb_cma=64M",
    "hugetlb_cma=1G", "hugetlb_cma=0:512M", "hugetlb_cma=1G hugetlb_cma_only", "hugetlb_free_vmemmap=on hugepages=8",
    "hugepages=0:4,1:4", "hugepagesz=1G hugepages=0:1",
)  # fmt: skip
_ZONES = (
    "movablecore=256M", "movablecore=50%", "kernelcore=256M", "kernelcore=mirror", "movable_node", "numa=off", "numa=fake=2",
    "movablecore=128M movable_node", "numa=fake=4 cma_pernuma=16M",
)  # fmt: skip
_PAGES = (
    "kfence.sample_interval=100", "kfence.sample_interval=0", "rodata=off", "rodata=on", "rodata=full", "debug_pagealloc=on",
    "rodata=off kfence.sample_interval=100", "page_owner=on", "page_poison=1", "init_on_alloc=1", "memtest=1", "arm64.nobti",
    "nosmp", "kpti=on", "kpti=off", "rodata=noalias", "can_use_page_mapping_only", "nohugeiomap", "no4lvl", "no5lvl",
)  # fmt: skip
_NODES = (
    "cma_pernuma=16M", "cma_pernuma=0", "cma_pernuma=15M cma=8M", "numa_cma=0:16M", "numa_cma=0:16M,1:32M", "numa_cma=1:8M cma=0",
    "numa_cma=0", "cma_pernuma=16M numa_cma=0:16M", "numa_cma=7:16M", "numa_cma=0:0",
)  # fmt: skip
_OTHER = (
    "swiotlb=force", "swiotlb=65536", "swiotlb=noforce", "swiotlb=4096,2", "coherent_pool=4M", "log_buf_len=4M",
    "reserve_mem=4M:4096:kept", "reserve_mem=1M:2M:a reserve_mem=3M:4K:b", "kho=on", "kho=on kho_scratch=16M,32M,16M",
    "kvm-arm.mode=none", "kvm-arm.mode=protected", "keepinitrd", "retain_initrd", "noinitrd", "initrd=+0x9000000,1M",
    "trace_buf_size=8M", "vmalloc=256M", "vmalloc=496M", "vmalloc=16M", "vmalloc=800M", "vmalloc=240M@0", "highmem=64M",
    "ramoops.mem_address=+0x10000000 ramoops.mem_size=0x100000", "memmap=16M$+0x10000000", "memhp_default_state=online",
    "efi=noruntime", "disable_dma32", "iommu.passthrough=1", "nokaslr", "stack_depot_disable=off", "slub_debug=FZ", "earlyprintk",
    "memory_hotplug.memmap_on_memory=1", "cgroup_disable=memory", "random.trust_cpu=off", "maxcpus=0", "possible_cpus=1",
    "trace_instance=boot@+0x10000000:1M", "nr_cpus=1", "hugetlb_cma=16M", "ftrace=nop", "dhash_entries=4096", "thash_entries=1024",
)  # fmt: skip


def _of(words: tuple[str, ...]) -> Callable[[random.Random, Scenario], Scenario]:
    def twist(rng: random.Random, board: Scenario) -> Scenario:
        kept = board.cmdline if rng.random() < 0.5 else ""
        return replace(board, cmdline=f"{kept} {rng.choice(words)}".strip())

    return twist


TWISTS = {
    "cma": _of(_CMA),
    "mem": _of(_MEM),
    "crashkernel": _of((*_CRASH, *_CRASH_MALFORMED)),
    "hugepages": _of(_HUGE),
    "zones": _of(_ZONES),
    "pages": _of(_PAGES),
    "per-node": _of(_NODES),
    "other": _of(_OTHER),
}
