# SPDX-License-Identifier: Apache-2.0
"""`linux,initrd-start` and `linux,initrd-end` do not make a range.

What it checks
--------------
That `/chosen` has both properties or none, that each is one number of one or two cells, and that the end is not below the start.

Why it matters
--------------
The initial ram disk is lost, or memory that does not belong to it is reserved.

Kernel behaviour
----------------
One of the two alone: ignored. End below start: 6.1 and newer ignore both; 5.10 takes them as they are, and the size wraps
around. Xen refuses such a tree.

Example
-------
See `bad`.

Fix
---
Write both, the end being the first address behind the image.

Known limits
------------
Equal values are what boot loaders write for "no initrd": nothing is said.

References
----------
early_init_dt_check_for_initrd(), drivers/of/fdt.c; kernel-semantics 1.1; binding rule PL13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import number
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_START, _END = "linux,initrd-start", "linux,initrd-end"


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each fault."""
    for chosen in context.board.chosen:
        start, end = chosen.initrd_start, chosen.initrd_end
        if start is None and end is None:
            continue
        if start is None or end is None:
            there, missing = (_END, _START) if start is None else (_START, _END)
            yield Problem(
                path=chosen.path,
                prop=there,
                message=f"{there} is there and {missing} is not; Linux needs both, so it boots without initial ram disk",
            )
            continue
        odd = [(name, prop) for name, prop in ((_START, start), (_END, end)) if prop.length not in (4, 8)]
        for name, prop in odd:
            yield Problem(
                path=chosen.path,
                prop=name,
                message=f"{name} has {prop.length} bytes, expected one number of 4 or 8",
            )
        if not odd and number(end.value) < number(start.value):
            yield Problem(
                path=chosen.path,
                prop=_END,
                message=(
                    f"{_END} 0x{number(end.value):x} is below {_START} 0x{number(start.value):x}; kernels from 6.1 on "
                    "ignore both and boot without initial ram disk, 5.10 reserves a size that wraps around"
                ),
            )


RULE = Rule(
    code="CV160",
    slug="initrd-range-odd",
    severity=Severity.ERROR,
    summary="`linux,initrd-start` and `linux,initrd-end` do not make a range",
    board=check,
    covers=("PL13",),
    bad=(
        Example("/ { chosen { linux,initrd-start = <0x50800000>; linux,initrd-end = <0x50000000>; }; };"),
        Example("/ { chosen { linux,initrd-start = <0x50000000>; }; };"),
        Example("/ { chosen { linux,initrd-end = <0x50000000>; }; };"),
        Example(
            "/ { chosen { linux,initrd-start = <0x0 0x50000000>; linux,initrd-end = <0x0 0x0 0x50800000>; }; };"
        ),
    ),
    good=(
        Example("/ { chosen { linux,initrd-start = <0x50000000>; linux,initrd-end = <0x0 0x50800000>; }; };"),
        Example("/ { chosen { linux,initrd-start = <0x0>; linux,initrd-end = <0x0>; }; };"),
        Example('/ { chosen { bootargs = "quiet"; }; };'),
    ),
)
