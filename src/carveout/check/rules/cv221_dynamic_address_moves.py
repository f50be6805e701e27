# SPDX-License-Identifier: Apache-2.0
"""The kernel picks the address of a region whose owner may have to know it.

What it checks
--------------
Dynamic regions that are not pools, or that a remote processor uses: the address they get in the simulated boot is named. Those
that nobody refers to are CV224's.

Why it matters
--------------
The address depends on the kernel, its size and command line, the page size, the initrd, the tree and RAM. Firmware that was
linked for one address, or content that must survive a reboot, needs a fixed one.

Kernel behaviour
----------------
All versions take the highest free place, 6.12 and newer the lowest where a window begins at a dynamic region placed before. The
tree is not changed: the address is only in the kernel's list and its log.

Example
-------
See `bad`.

Fix
---
Replace `size` by the `reg` that `carveout materialise` computes, if the address must be known.

Known limits
------------
Drivers that tell the firmware where its memory is need no fixed address: a note.

References
----------
__reserved_mem_alloc_size(), drivers/of/of_reserved_mem.c; kernel-semantics 3.4; binding rule PL15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext, Region

# Compatibles whose owner takes the region from the kernel, wherever it is.
_ANYWHERE = ("shared-dma-pool", "restricted-dma-pool", "fsl,bman-fbpr", "fsl,qman-fqd", "fsl,qman-pfdr")
_PROCESSORS = ("rproc", "remoteproc", "-pas", "-pil", "-dsp", "-r5f", "-cm4", "-m4", "-scp", "-ipu", "-pru")


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a note for each such region."""
    for region in view.boot.regions:
        if region.kind != "dynamic" or region.outcome != "placed" or region.base is None:
            continue
        node = view.board.by_path[region.path]
        processor = _processor(node)
        if processor is None and any(node.has(name) for name in _ANYWHERE):
            continue
        if not node.users and not node.compatible:
            continue
        yield Problem(
            path=region.path,
            prop="size",
            message=(
                f"Linux picks its address, 0x{region.base:x} in this boot; another kernel, initrd, page size or amount of "
                "RAM moves it" + (f", and {processor} may have to know it" if processor else "")
            ),
            related=(processor,) if processor else (),
        )


def _processor(node: Region) -> str | None:
    for user in node.users:
        if user.enabled and any(word in text for text in user.compatible for word in _PROCESSORS):
            return user.path
    return None


RULE = Rule(
    code="CV221",
    slug="dynamic-address-moves",
    severity=Severity.NOTE,
    summary="the kernel picks the address of a region whose owner may have to know it",
    boot=check,
    covers=("PL15",),
    bad=(
        Example('log { compatible = "ramoops"; size = <0x0 0x40000>; console-size = <0x20000>; };'),
        Example("""/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                pool: pool { compatible = "shared-dma-pool"; size = <0x0 0x400000>; reusable; }; };
            remoteproc { compatible = "example,rproc"; memory-region = <&pool>; }; };"""),
    ),
    good=(
        Example("firmware@50000000 { reg = <0x0 0x50000000 0x0 0x400000>; no-map; };"),
        Example('pool { compatible = "shared-dma-pool"; size = <0x0 0x400000>; reusable; };'),
    ),
)
