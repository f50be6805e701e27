# SPDX-License-Identifier: Apache-2.0
"""ramoops regions: the parts that they are asked to hold, as the driver reads them.

Source: ramoops_parse_dt(), ramoops_probe(), fs/pstore/ram.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region

PARTS = ("record-size", "console-size", "ftrace-size", "pmsg-size")
"""The first is the size of one record; what the others leave holds records."""
_INT_MAX = (1 << 31) - 1


def ramoops_regions(context: BoardContext) -> list[Region]:
    """Return the enabled ramoops regions, in tree order."""
    return context.by_compatible.get("ramoops", [])


def part_sizes(region: Region) -> Iterator[tuple[str, int]]:
    """Yield (property, bytes) of each part that is not 0 and that the driver can read."""
    for name in PARTS:
        prop = region.node.prop(name)
        if prop is not None and prop.length >= 4 and 0 < (size := number(prop.value[:4])) <= _INT_MAX:
            yield name, size


def power_of_two_below(size: int) -> int:
    """Return the largest power of two that is not above `size`, to which the driver rounds."""
    return 1 << (size.bit_length() - 1)
