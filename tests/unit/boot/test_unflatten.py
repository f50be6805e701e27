# SPDX-License-Identifier: Apache-2.0
"""What the unflattened tree and its aliases take from memblock (kernel-semantics 4.6, steps 4 to 6)."""

from __future__ import annotations

import pytest

from support.boards import KERNELS, boot_regions, node, region, reserved_memory, text

# sizeof(struct device_node), sizeof(struct property); the table of regions (3.6).
SIZES = {"5.10": (168, 88, 0), "6.1": (208, 96, 0), "6.12": (208, 104, 48), "7.2": (208, 112, 40)}


def taken(kernel: str, who: str, *regions: object, **nodes: object) -> list[tuple[int, int]]:
    result = boot_regions(kernel, *regions, **nodes)  # type: ignore[arg-type]
    return [
        (step.base or 0, step.size or 0)
        for step in result.trace
        if (step.kind, step.subject) == ("alloc", who)
    ]


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_alias_after_the_other(kernel: str) -> None:
    # 40 + len(stem) + 1, aligned to 8, each below the one before: serial0 47, ethernet10 49; `console` has no digits.
    aliases = node("aliases", {"serial0": text("/soc"), "console": text("/soc"), "ethernet10": text("/soc")})
    (first, size), (second, second_size) = taken(kernel, "aliases", others=[aliases, node("soc")])
    assert (size, second_size) == (47, 49)
    assert (first % 8, second % 8) == (0, 0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_tree(kernel: str) -> None:
    # The usual board: root (2 properties), cpus (2), cpu@0 (3), memory@40000000 (2). Each node gets a name property.
    # With d = sizeof(device_node) and p = sizeof(property), both multiples of 8, and names rounded up to 8:
    #   root              d + 8 ("")               + 2 p + p + 8 ("")
    #   cpus              d + 8 ("cpus")           + 2 p + p + 8 ("cpus")
    #   cpu@0             d + 8 ("cpu@0")          + 3 p + p + 8 ("cpu")
    #   memory@40000000   d + 16 (15 + 1)          + 2 p + p + 7 ("memory", the last is not rounded)
    # = 4 d + 13 p + 71, up to a multiple of 4, and 4 more.
    device_node, prop, _ = SIZES[kernel]
    ((base, size),) = taken(kernel, "unflattened tree")
    assert size == 4 * device_node + 13 * prop + 72 + 4
    assert base % 8 == 0


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_table_of_regions(kernel: str) -> None:
    # 3.6: since 6.12, one entry for each region that counted, dynamic ones included; nothing without regions.
    regions = [region("a@50000000", reg=[(0x5000_0000, 0x1000)]), region("b", size=0x1000)]
    entry = SIZES[kernel][2]
    assert [size for _, size in taken(kernel, "region table", *regions)] == ([2 * entry] if entry else [])
    assert taken(kernel, "region table") == []


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_table_of_a_refused_parent(kernel: str) -> None:
    # 3.6: 64 entries on 6.12, 3072 bytes; none on 7.2.
    parent = reserved_memory(region("a@50000000", reg=[(0x5000_0000, 0x1000)]), ranges=None)
    sizes = [size for _, size in taken(kernel, "region table", others=[parent])]
    assert sizes == ([3072] if kernel == "6.12" else [])
