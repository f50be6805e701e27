# SPDX-License-Identifier: Apache-2.0
"""The parts of a ramoops region do not fit into it.

What it checks
--------------
The sizes of console, ftrace and pmsg, each rounded down to a power of two as the driver does, and one record if records are asked
for, against the size of the region.

Why it matters
--------------
The driver does not start, or keeps no crash log. That shows after the crash.

Kernel behaviour
----------------
All versions: console, ftrace and pmsg larger than the region: probing fails, `no room for … mem region`. Less than one record left:
`dmesg record count == 0`, probing fails. Exactly nothing left: no message, and no crash is recorded.

Example
-------
See `bad`. msm8992-lg-bullhead and msm8992-xiaomi-libra (Linux 6.1 to 7.2) ask for 0x50000 bytes in a region of 0x40000.

Fix
---
Enlarge the region or shrink the parts.

Known limits
------------
The size of ECC data is not counted: it comes out of each part.

References
----------
ramoops_probe(), ramoops_init_przs(), fs/pstore/ram.c; ramoops.yaml; binding rule SH13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.ramoops import part_sizes, power_of_two_below, ramoops_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in ramoops_regions(context):
        size = region.span.size if region.span is not None else region.size
        if not size:
            continue
        parts = {name: power_of_two_below(value) for name, value in part_sizes(region)}
        record = parts.pop("record-size", 0)
        used = sum(parts.values())
        left = size - used
        if left >= record and left >= 0 and (left or not record):
            continue
        if left < 0:
            follows = 'the driver fails ("no room for ... mem region") and nothing is recorded'
        elif left:
            follows = 'the driver fails ("dmesg record count == 0") and nothing is recorded'
        else:
            follows = "the driver starts without a place for records, and without a message"
        shown = " + ".join(f"{name} 0x{value:x}" for name, value in parts.items())
        yield Problem(
            path=region.path,
            prop="reg" if region.is_static else "size",
            message=(
                f"{shown or 'no other part'} = 0x{used:x}, and record-size 0x{record:x}, do not fit into 0x{size:x} bytes; "
                f"{follows}"
            ),
        )


RULE = Rule(
    code="CV501",
    slug="ramoops-overflow",
    severity=Severity.ERROR,
    summary="the parts of a ramoops region do not fit into it",
    board=check,
    covers=("SH13", "corpus-ramoops-sum"),
    bad=(
        Example("""ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>;
            console-size = <0x20000>; pmsg-size = <0x20000>; record-size = <0x10000>; };"""),
        Example("""ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>;
            console-size = <0x40000>; pmsg-size = <0x20000>; };"""),
        Example("""ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x30000>;
            console-size = <0x20000>; record-size = <0x20000>; };"""),
    ),
    good=(
        Example("""ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x50000>;
            console-size = <0x20000>; pmsg-size = <0x20000>; record-size = <0x10000>; };"""),
        Example("""ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>;
            console-size = <0x40000>; };"""),
    ),
)
