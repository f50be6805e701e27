# SPDX-License-Identifier: Apache-2.0
"""Trees made up for measuring: as large as real boards' trees, the same in every run."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build

if TYPE_CHECKING:
    from pathlib import Path

RAM_BASE = 0x4000_0000
RAM_SIZE = 0x1_0000_0000

# Sizes of the made-up folder: Debian's arm64 trees have a median of about 50 KB and a tenth above 100 KB.
FOLDER_KB = (20, 30, 35, 40, 45, 50, 50, 55, 60, 70, 85, 100)


def cells(*values: int) -> bytes:
    """Return 32-bit cells."""
    return struct.pack(f">{len(values)}I", *values)


def wide(*values: int) -> bytes:
    """Return 64-bit numbers, two cells each."""
    return struct.pack(f">{len(values)}Q", *values)


def text(*strings: str) -> bytes:
    """Return a string list."""
    return b"".join(string.encode() + b"\0" for string in strings)


def board(model: str) -> DraftNode:
    """Return a root with chosen, a CPU, and 4 GiB of RAM; cells 2 and 2."""
    root = DraftNode()
    root.properties.update(
        {
            "#address-cells": cells(2),
            "#size-cells": cells(2),
            "model": text(model),
            "compatible": text("example,bench"),
        }
    )
    root.add("chosen", {"bootargs": text("console=ttyS0,115200n8 root=/dev/mmcblk0p2 rootwait")})
    cpus = root.add("cpus", {"#address-cells": cells(1), "#size-cells": cells(0)})
    cpus.add("cpu@0", {"device_type": text("cpu"), "compatible": text("arm,cortex-a53"), "reg": cells(0)})
    root.add(f"memory@{RAM_BASE:x}", {"device_type": text("memory"), "reg": wide(RAM_BASE, RAM_SIZE)})
    return root


def reserved_memory(root: DraftNode) -> DraftNode:
    """Add an empty /reserved-memory and return it."""
    return root.add("reserved-memory", {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b""})


def device(number: int, source: random.Random, regions: list[int]) -> DraftNode:
    """Return one device as boards have hundreds of: a dozen properties of the usual lengths."""
    address = 0x100_0000 + number * 0x1000
    node = DraftNode(f"device@{address:x}")
    node.properties.update(
        {
            "compatible": text(f"example,bench-device-{number % 40}", "example,bench-device"),
            "reg": wide(address, 0x1000),
            "interrupts": cells(0, number & 0xFF, 4),
            "clocks": cells(*(source.randrange(1, 200) for _ in range(source.choice((2, 4, 6))))),
            "clock-names": text("core", "bus"),
            "resets": cells(source.randrange(1, 200), source.randrange(64)),
            "pinctrl-names": text("default"),
            "pinctrl-0": cells(source.randrange(1, 200)),
            "phandle": cells(0x1000 + number),
            "status": text(source.choice(("okay", "disabled"))),
        }
    )
    if regions and number % 12 == 0:
        node.properties["memory-region"] = cells(source.choice(regions))
    return node


def synthetic(kilobytes: int, *, seed: int) -> bytes:
    """Return a blob of about this size, with 5 to 20 regions and devices that use them."""
    source = random.Random(seed)
    root = board(f"Bench board, {kilobytes} KB")
    parent = reserved_memory(root)
    phandles = []
    for number in range(source.randrange(4, 18)):
        base = RAM_BASE + 0x2000_0000 + number * 0x100_0000
        properties = {
            "reg": wide(base, source.choice((0x10000, 0x100000, 0x800000))),
            "phandle": cells(number + 1),
        }
        if number % 3:
            properties["no-map"] = b""
        parent.add(f"firmware@{base:x}", properties)
        phandles.append(number + 1)
    parent.add("vpu-pool", {"compatible": text("shared-dma-pool"), "size": wide(0x400_0000), "reusable": b"",
                            "alloc-ranges": wide(RAM_BASE, 0x4000_0000), "phandle": cells(100)})  # fmt: skip
    parent.add("linux,cma", {"compatible": text("shared-dma-pool"), "size": wide(0x800_0000), "reusable": b"",
                             "linux,cma-default": b"", "phandle": cells(101)})  # fmt: skip
    phandles += [100, 101]
    soc = root.add("soc@0", {"compatible": text("simple-bus"), "#address-cells": cells(2), "#size-cells": cells(2),
                             "ranges": b""})  # fmt: skip
    number = 0
    while True:
        # Devices are about 350 bytes each; asking for the size now and then keeps this linear enough.
        for _ in range(8):
            soc.children.append(device(number, source, phandles))
            number += 1
        blob = build(root)
        if len(blob) >= kilobytes * 1000:
            return blob


def with_regions(count: int) -> bytes:
    """Return a blob with `count` static regions of 4 KiB, and a dynamic one.

    They lie in 50 runs, side by side within a run: memblock merges neighbours, and before the page tables are
    up it has room for 128 separate ranges. More separate regions than that are refused by the kernel, and
    refusing is cheap.
    """
    root = board(f"Bench board, {count} regions")
    parent = reserved_memory(root)
    runs = min(count, 50)
    for number in range(count):
        run, place = number % runs, number // runs
        base = RAM_BASE + 0x800_0000 + run * 0x100_0000 + place * 0x1000
        parent.add(f"region@{base:x}", {"reg": wide(base, 0x1000)})
    parent.add("pool", {"compatible": text("shared-dma-pool"), "size": wide(0x400_0000), "reusable": b""})
    return build(root)


def write_folder(folder: Path) -> None:
    """Fill a folder with made-up trees."""
    for number, kilobytes in enumerate(FOLDER_KB):
        (folder / f"bench-{number:02}-{kilobytes}k.dtb").write_bytes(synthetic(kilobytes, seed=number))
