# SPDX-License-Identifier: Apache-2.0
"""A region covers the kernel, the initial ram disk or the device tree.

What it checks
--------------
Static regions, and dynamic ones where the simulated kernel places them, against the places of kernel image, initrd and tree,
as far as the scene or `/chosen` says where they are.

Why it matters
--------------
Whoever owns the region overwrites what runs there, or reads the kernel's data.

Kernel behaviour
----------------
All versions reserve a mapped region on top without a message. A no-map region there is refused with EBUSY and stays mapped; the
region is handed to its driver all the same. 32-bit arm and riscv give up the initrd when a region is in its place
(`INITRD: … overlaps in-use memory region - disabling initrd`). None of the recorded boots died of it right away.
powerpc reserves the initrd after it has placed the dynamic regions, so that one of them can lie on it, without a message
(booted: 6.1, 6.12, 7.2).

Example
-------
See `bad`: a boot loader puts the initrd into the memory of a modem; a powerpc kernel finds the place of a buffer at the top of
RAM, where the loader put the initrd.

Fix
---
Load the image somewhere else, or move the region; give a dynamic one `reg`, or `alloc-ranges` where nothing is loaded.

Known limits
------------
Nothing is said about an image whose place is not known: give `--kernel-image`, `--initrd` or `--dtb-at`.

References
----------
arm64_memblock_init(), arch/arm64/mm/init.c; reserve_initrd_mem(), init/initramfs.c; kernel-semantics 1.2, 1.3, 5.6; binding
rules PL08, PL09, PL10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import kernel_line, prints
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.result import PlacedRegion
    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each region and each image it covers."""
    boot, scene = view.boot, view.boot.scene
    images = [
        (name, span)
        for name, span in (
            ("the kernel", scene.kernel_image),
            ("the initial ram disk", scene.initrd),
            ("the device tree", scene.dtb),
        )
        if span is not None
    ]
    for region in boot.regions if images else ():
        place = _place(region)
        if place is None:
            continue
        for name, image in images:
            if not image.overlaps(place):
                continue
            line = None
            if region.outcome == "reserve-failed":
                does = "Linux refuses no-map there, it stays mapped"
                line = kernel_line(boot, region.path, "failed to reserve")
            elif region.kind == "dynamic":
                does = f"Linux places it before it reserves {name}, and its owner overwrites what is there"
            else:
                does = "Linux reserves it all the same, and its owner overwrites what is there"
            if image is scene.initrd:
                line = kernel_line(boot, "initrd", "INITRD") or line
            yield Problem(
                path=region.path,
                prop="size" if region.kind == "dynamic" else "reg",
                message=f"{format_range(place)} covers {name} at {format_range(image)}; {does}{prints(line)}",
                cause=name,
            )


def _place(region: PlacedRegion) -> Span | None:
    # What the region's owner takes for its own: `reg`, or where this kernel puts it.
    base, size = region.requested_base, region.requested_size
    if region.kind == "dynamic":
        base = region.base if region.outcome == "placed" else None
    elif region.kind != "static" or region.outcome == "ignored":
        return None
    return Span.sized(base, size) if base is not None and size else None


RULE = Rule(
    code="CV108",
    slug="region-covers-boot-image",
    severity=Severity.ERROR,
    summary="a region covers the kernel, the initial ram disk or the device tree",
    boot=check,
    covers=("PL08", "PL09", "PL10"),
    bad=(
        Example("fw@40000000 { reg = <0x0 0x40000000 0x0 0x400000>; no-map; };"),
        Example("fw@48000000 { reg = <0x0 0x48000000 0x0 0x400000>; };"),
        Example(
            "fw@50000000 { reg = <0x0 0x50000000 0x0 0x400000>; no-map; };", initrd=(0x50000000, 0x800000)
        ),
        Example("""/ { chosen { linux,initrd-start = <0x50000000>; linux,initrd-end = <0x50800000>; };
            reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x400000>; }; }; };"""),
        # The recorded boot ppc-rm-dyn-initrd: the region is at 0x3f900000.
        Example(
            "buffer { size = <0x0 0x700000>; };",
            arch="powerpc64",
            memory=((0, 0x40000000),),
            kernel_image=(0, 0x2990000),
            dtb_at=0x8000000,
            initrd=(0x3FC00000, 0x122342),
        ),
    ),
    good=(
        Example(
            "fw@50000000 { reg = <0x0 0x50000000 0x0 0x400000>; no-map; };", initrd=(0x50400000, 0x800000)
        ),
        Example("fw@40000000 { reg = <0x0 0x40000000 0x0 0x400000>; };", kernel_image=None, dtb_at=None),
        Example(
            "buffer { size = <0x0 0x700000>; };",
            arch="powerpc64",
            memory=((0, 0x40000000),),
            kernel_image=(0, 0x2990000),
            dtb_at=0x8000000,
            initrd=(0x9000000, 0x122342),
        ),
    ),
)
