# SPDX-License-Identifier: Apache-2.0
"""The unit address of a region is not written as the specification says.

What it checks
--------------
Unit addresses of regions: lower-case hexadecimal digits without `0x` and without leading zeros. The form with two
numbers, `@1,80000000`, which firmware writes, is a note, as is anything of boot loaders' own.

Why it matters
--------------
Tools that look for a node by base and name do not find it.

Kernel behaviour
----------------
None: Linux goes by `reg`.

Example
-------
See `bad`: old OP-TEE wrote `optee@0x83000000`.

Fix
---
Write the base of `reg` in lower case, without 0x.

Known limits
------------
None.

References
----------
Devicetree specification, section 2.2.1; dtc's simple_bus_reg; fdtdec_add_reserved_memory() in U-Boot, fdt_fixup.c in
OpenSBI; binding rule ST16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import children, unit_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_DIGITS = frozenset("0123456789abcdef")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in children(context):
        _, at, text = region.name.partition("@")
        if (
            not at
            or not region.is_static
            or (set(text) <= _DIGITS and (text == "0" or text[:1] not in ("", "0")))
        ):
            continue
        high, comma, low = text.partition(",")
        is_pair = bool(comma and high and low) and set(high + low) <= _DIGITS
        base = unit_number(text)
        yield Problem(
            path=region.path,
            message=(
                f'the unit address is "{text}", expected {"lower-case hexadecimal digits" if base is None else f"{base:x}"}'
                + (
                    ", in the form that firmware uses for 64-bit addresses"
                    if is_pair
                    else " without 0x or leading zeros"
                )
            ),
            fix=None if base is None else f"call it {region.base_name}@{base:x}",
            severity=Severity.NOTE if is_pair else None,
        )


RULE = Rule(
    code="CV904",
    slug="region-unit-address-form",
    severity=Severity.WARNING,
    summary="the unit address of a region is not written as the specification says",
    board=check,
    covers=("ST16",),
    bad=(
        Example("optee@0x50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
        Example("optee@5A000000 { reg = <0x0 0x5a000000 0x0 0x100000>; no-map; };"),
        Example("optee@050000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
        Example("optee@0,50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
        Example("optee@tee { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
    ),
    good=(
        Example("optee@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
        Example("fw@0 { reg = <0x0 0x0 0x0 0x1000>; no-map; };"),
    ),
)
