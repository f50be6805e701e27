# SPDX-License-Identifier: Apache-2.0
"""A region has a property whose name is nearly one of the binding's.

What it checks
--------------
Properties of enabled regions that nobody knows, and that are one or two letters away from `no-map`, `reusable`,
`linux,cma-default`, `linux,dma-default`, `reg`, `size`, `alignment`, `alloc-ranges` or `compatible`.

Why it matters
--------------
An unknown property is ignored without a message. A region that was meant to be out of the linear map stays mapped: the
CPU may read it speculatively, which firmware memory answers with a fault.

Kernel behaviour
----------------
No version looks at other properties than those of the binding.

Example
-------
See `bad`. Linux has had `no-mem;` on qseecom@cb400000 of msm8992-xiaomi-libra since 6.1 or longer.

Fix
---
Rename the property. `--fix` does it unless the right one is there too.

Known limits
------------
Names of vendors (with a comma) count only when they are one letter away.

References
----------
early_init_dt_reserve_memory(), drivers/of/of_reserved_mem.c; kernel-semantics 3.3; binding rule ST19.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity
from carveout.check.spelling import distance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_FLAGS = ("no-map", "reusable", "linux,cma-default", "linux,dma-default")
_VALUES = ("reg", "size", "alignment", "alloc-ranges", "compatible")
_KNOWN = frozenset(
    (
        *_FLAGS, *_VALUES, "status", "label", "phandle", "linux,phandle", "name", "ranges", "iommu-addresses",
        "no-map-fixup", "#address-cells", "#size-cells", "record-size", "console-size", "ftrace-size", "pmsg-size",
        "ecc-size", "mem-type", "max-reason", "flags", "no-dump-oops", "unbuffered", "hwlocks", "memory-region",
    )
)  # fmt: skip
_LONG = 6
"""Names shorter than this may be one letter off, others two."""


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such property."""
    for region in context.regions:
        for name, prop in region.node.first_properties.items():
            meant = _meant(name)
            if meant is None or (meant in _FLAGS and prop.length):
                continue
            has_it = meant in region.node
            value = prop.value
            yield Problem(
                path=region.path,
                prop=name,
                message=(
                    f"{name} is no property of the binding, {meant} is; Linux ignores it without a message"
                    + (
                        f", and {meant} is there too"
                        if has_it
                        else f": the region is handled as one without {meant}"
                    )
                ),
                fix=f"remove {name}" if has_it else f"rename it to {meant}",
                edits=()
                if has_it
                else (
                    Edit(EditKind.REMOVE, region.path, name),
                    Edit(EditKind.SET, region.path, meant, value),
                ),
                severity=Severity.WARNING if has_it else None,
            )


@lru_cache(maxsize=1024)
def _meant(name: str) -> str | None:
    if name in _KNOWN:
        return None
    lower = name.lower()
    is_vendors = "," in name and not lower.startswith("linux,")
    for wanted in (*_FLAGS, *_VALUES):
        slips = 2 if len(wanted) >= _LONG and not is_vendors else 1
        if abs(len(lower) - len(wanted)) <= slips and distance(lower, wanted) <= slips:
            return wanted
    return None


RULE = Rule(
    code="CV011",
    slug="region-property-misspelt",
    severity=Severity.ERROR,
    summary="a region has a property whose name is nearly one of the binding's",
    board=check,
    covers=("ST19", "corpus-property-typo"),
    bad=(
        Example("qseecom@4b400000 { reg = <0x0 0x4b400000 0x0 0x1c00000>; no-mem; };"),
        Example('pool { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reuseable; };'),
        Example("pool { sise = <0x0 0x4000000>; no-map; };"),
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; no_map; };"),
    ),
    good=(
        Example('fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; label = "fw"; };'),
        Example("""
            ramoops@50000000 {
                compatible = "ramoops";
                reg = <0x0 0x50000000 0x0 0x100000>;
                record-size = <0x20000>;
                ecc-size = <16>;
            };
        """),
    ),
)
