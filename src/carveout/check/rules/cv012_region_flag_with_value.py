# SPDX-License-Identifier: Apache-2.0
"""A flag of a region has a value.

What it checks
--------------
`no-map`, `reusable`, `linux,cma-default` and `linux,dma-default` of enabled regions have no value.

Why it matters
--------------
The flag is set when the property exists. `no-map = <0>` sets it, which is rarely what was meant.

Kernel behaviour
----------------
All versions only ask whether the property is there.

Example
-------
See `bad`.

Fix
---
Remove the property to clear the flag, or its value to set it. `--fix` drops a value that means yes.

Known limits
------------
None.

References
----------
of_get_flat_dt_prop() in early_init_dt_reserve_memory() and rmem_cma_setup(); binding rule ST20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_NO = ("no", "false", "off", "n", "disabled", "disable")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such flag."""
    for region in context.regions:
        raw = region.raw
        for name, is_set in (
            ("no-map", raw.no_map),
            ("reusable", raw.reusable),
            ("linux,cma-default", raw.cma_default),
            ("linux,dma-default", raw.dma_default),
        ):
            prop = region.node.prop(name) if is_set else None
            if prop is None or prop.length == 0:
                continue
            value = prop.value
            denies = not any(value) or value.rstrip(b"\0").decode("ascii", "replace").lower() in _NO
            yield Problem(
                path=region.path,
                prop=name,
                message=(
                    f"{name} has a value of {prop.length} bytes, expected none; the flag is set whatever the value is"
                    + (", and this value reads as if it were not" if denies else "")
                ),
                fix=f"remove {name}, or write `{name};`" if denies else f"write `{name};`",
                edits=() if denies else (Edit(EditKind.SET, region.path, name),),
            )


RULE = Rule(
    code="CV012",
    slug="region-flag-with-value",
    severity=Severity.WARNING,
    summary="a flag of a region has a value",
    board=check,
    covers=("ST20",),
    bad=(
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map = <0>; };"),
        Example('fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map = "true"; };'),
    ),
    good=(Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),),
)
