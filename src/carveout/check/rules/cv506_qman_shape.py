# SPDX-License-Identifier: Apache-2.0
"""Backing memory of the DPAA queue or buffer manager has the wrong size, alignment or name.

What it checks
--------------
Enabled regions with compatible `fsl,qman-fqd`, `fsl,qman-pfdr` or `fsl,bman-fbpr`: a size that is a power of two from 4 KiB to 1 GiB, a
base or `alignment` that is a multiple of the size, and the node's name.

Why it matters
--------------
The hardware is given the base and the logarithm of the size. With other values it uses memory that is not its own, or does not start.

Kernel behaviour
----------------
All versions: the driver gives the hardware base and logarithm without a test; one built with CONFIG_FSL_DPAA_CHECKING warns. A
dynamic region gets a `reg` in the running tree, so that a kernel started by kexec finds it where it was.

Example
-------
See `bad`.

Fix
---
Give it the next power of two, and the same as `alignment`.

Known limits
------------
None.

References
----------
fsl,qman-fqd.yaml; bm_set_memory(), qm_set_memory(), qbman_init_private_mem(), drivers/soc/fsl/qbman; binding rule SH18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import GIB, KIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region

_NAMES = {"fsl,qman-fqd": "qman-fqd", "fsl,qman-pfdr": "qman-pfdr", "fsl,bman-fbpr": "bman-fbpr"}


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each fault."""
    for compatible, name in _NAMES.items():
        for region in context.by_compatible.get(compatible, ()):
            if region.base_name != name:
                yield Problem(
                    path=region.path,
                    message=f"the binding names a region with compatible {compatible} {name}, this is {region.base_name}",
                    severity=Severity.WARNING,
                )
            yield from _shape(region)


def _shape(region: Region) -> Iterator[Problem]:
    span = region.span
    size = span.size if span is not None else region.size
    prop = "reg" if span is not None else "size"
    if not size:
        return
    if size & (size - 1) or not 4 * KIB <= size <= GIB:
        yield Problem(
            path=region.path,
            prop=prop,
            message=(
                f"size 0x{size:x} is not a power of two from 4 KiB to 1 GiB; the hardware takes its logarithm, so "
                "that it uses another size"
            ),
        )
    elif span is not None and span.start % size:
        yield Problem(
            path=region.path,
            prop=prop,
            message=f"base 0x{span.start:x} is not a multiple of the size 0x{size:x}, as the hardware needs",
        )
    elif span is None and (region.alignment is None or region.alignment % size):
        shown = "none" if region.alignment is None else f"0x{region.alignment:x}"
        yield Problem(
            path=region.path,
            prop="size" if region.alignment is None else "alignment",
            message=f"alignment is {shown}, expected a multiple of the size 0x{size:x}, as the hardware needs",
        )


RULE = Rule(
    code="CV506",
    slug="qman-shape",
    severity=Severity.ERROR,
    summary="backing memory of the DPAA queue or buffer manager has the wrong size, alignment or name",
    board=check,
    covers=("SH18",),
    bad=(
        Example(
            'qman-fqd { compatible = "fsl,qman-fqd"; size = <0x0 0x600000>; alignment = <0x0 0x800000>; no-map; };'
        ),
        Example('qman-pfdr { compatible = "fsl,qman-pfdr"; size = <0x0 0x800000>; no-map; };'),
        Example(
            'qman-pfdr@50400000 { compatible = "fsl,qman-pfdr"; reg = <0x0 0x50400000 0x0 0x800000>; no-map; };'
        ),
        Example(
            'fbpr { compatible = "fsl,bman-fbpr"; size = <0x0 0x800000>; alignment = <0x0 0x800000>; no-map; };'
        ),
    ),
    good=(
        Example(
            'bman-fbpr { compatible = "fsl,bman-fbpr"; size = <0x0 0x800000>; alignment = <0x0 0x800000>; no-map; };'
        ),
        Example(
            'qman-pfdr@50800000 { compatible = "fsl,qman-pfdr"; reg = <0x0 0x50800000 0x0 0x800000>; no-map; };'
        ),
    ),
)
