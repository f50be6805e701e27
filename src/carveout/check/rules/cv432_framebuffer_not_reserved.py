# SPDX-License-Identifier: Apache-2.0
"""A framebuffer that the boot loader has set up lies in RAM that nobody reserves.

What it checks
--------------
`reg` of enabled `simple-framebuffer` nodes in `/chosen`, against the regions and the memory reservation block, where RAM is known.

Why it matters
--------------
The display goes on reading there while Linux uses the memory for other things: the picture is torn or full of noise, and what the
console draws is written over the data of others.

Kernel behaviour
----------------
No version reserves the memory of a simple-framebuffer node: its driver asks for it long after the page allocator has it.

Example
-------
See `bad`: the framebuffer was moved, and the region was not.

Fix
---
Add a region with the framebuffer's address, or correct the one that was meant.

Known limits
------------
Nodes without `ranges` in `/chosen` are not looked at, nor boots with an EFI memory map, which may keep the memory. A boot loader that moves
the framebuffer changes the node and should add the region.

References
----------
simple-framebuffer.yaml of dt-schema; litex pull request 875, msm8916-mainline pull request 380.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import c_strings, entries, is_reachable, number
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import Span, intersect, subtract, union
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext
    from carveout.fdt import Node

_COMPATIBLE = b"simple-framebuffer"


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each framebuffer of which a part is ordinary RAM."""
    if not view.known_ram or view.boot.scene.efi:
        return
    kept: list[Span] | None = None
    for chosen in view.board.board.chosen:
        for node, span in _framebuffers(chosen.node):
            kept = _kept(view) if kept is None else kept
            lost = intersect(subtract([span], kept), list(view.known_ram))
            if lost:
                near = [region.path for region, place in view.board.static if place.overlaps(span)]
                part = "" if lost == [span] else f" of {format_range(span)}"
                yield Problem(
                    path=node.path,
                    prop="reg",
                    message=(
                        f"{format_range(lost[0])}{part} is RAM that nothing reserves: Linux uses it, while the display reads it"
                    ),
                    related=tuple(near),
                )


def _framebuffers(chosen: Node) -> Iterator[tuple[Node, Span]]:
    ranges = chosen.prop("ranges")
    if ranges is None or ranges.length:
        return
    widths = [prop for name in ("#address-cells", "#size-cells") if (prop := chosen.prop(name)) is not None]
    for node in chosen.children if len(widths) == len(("address", "size")) else ():
        compatible, reg = node.prop("compatible"), node.prop("reg")
        if (
            compatible is None
            or reg is None
            or _COMPATIBLE not in c_strings(compatible)
            or not is_reachable(node)
        ):
            continue
        for base, size in entries(reg.value, *(number(prop.value) for prop in widths))[:1]:
            if size:
                yield node, Span.sized(base, size)


def _kept(view: BootContext) -> list[Span]:
    # Whatever is asked for, also where Linux refuses it: that is told elsewhere.
    spans = [Span.sized(entry.address, entry.size) for entry in view.board.board.reserve_map]
    spans += [place for _, place in view.board.static]
    spans += [
        Span.sized(region.base, region.size)
        for region in view.boot.regions
        if region.base is not None and region.size
    ]
    return union(spans)


RULE = Rule(
    code="CV432",
    slug="framebuffer-not-reserved",
    severity=Severity.WARNING,
    summary="a framebuffer lies in RAM that nobody reserves",
    boot=check,
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    splash@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; no-map; };
                };
                chosen { #address-cells = <2>; #size-cells = <2>; ranges;
                    framebuffer@58000000 { compatible = "simple-framebuffer"; reg = <0x0 0x58000000 0x0 0x800000>;
                        width = <1080>; height = <1920>; stride = <4320>; format = "a8r8g8b8"; }; };
            };
        """),
    ),
    good=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    splash@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; no-map; };
                };
                chosen { #address-cells = <2>; #size-cells = <2>; ranges;
                    framebuffer@50000000 { compatible = "simple-framebuffer"; reg = <0x0 0x50000000 0x0 0x800000>;
                        width = <1080>; height = <1920>; stride = <4320>; format = "a8r8g8b8"; }; };
            };
        """),
        Example("""
            / { chosen { #address-cells = <2>; #size-cells = <2>; ranges;
                    framebuffer@58000000 { compatible = "simple-framebuffer"; reg = <0x0 0x58000000 0x0 0x800000>;
                        status = "disabled"; }; };
            };
        """),
    ),
)
