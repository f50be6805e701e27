# SPDX-License-Identifier: Apache-2.0
"""Regions take more than half of RAM, or nearly all of it.

What it checks
--------------
The bytes of RAM that lie in regions, static and placed ones, without those that are given back. More than half: a note; more than
nine tenths: a warning.

Why it matters
--------------
The rest is what the system has. Reusable memory is only lent: movable pages may be there, the kernel's own may not.

Kernel behaviour
----------------
No version has a limit. With too little left the kernel panics while it sets up memory (CV220), or ends processes later.

Example
-------
See `bad`. Boards with imx8qm reserve 960 MiB for a pool, whatever RAM they have.

Fix
---
Shrink the pools, or give the variants of a board with less RAM a size of their own.

Known limits
------------
RAM of the memory nodes can be changed by the boot loader; boards whose tree names only the least RAM show up here.

References
----------
kernel-semantics 5.6; binding rule PL17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import where_ram_is_from
from carveout.span import Span
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield one problem for a board."""
    parent, ram = view.board.reserved_memory, view.known_ram
    total = sum(bank.size for bank in ram)
    if parent is None or not total:
        return
    reserved, lent = _in_regions(view, ram)
    if 2 * reserved <= total:
        return
    yield Problem(
        path=parent.path,
        message=(
            f"regions take {format_size_about(reserved)} of {format_size_about(total)} RAM{where_ram_is_from(view.boot)}, "
            f"{100 * reserved // total} %, of which {format_size_about(lent)} is reusable"
            f"; {format_size_about(total - reserved)} is left for all else"
        ),
        severity=Severity.WARNING if 10 * reserved > 9 * total else None,
    )


def _in_regions(view: BootContext, ram: Sequence[Span]) -> tuple[int, int]:
    # Bytes of RAM in regions, each byte once, and those of them in contiguous pools.
    found: list[tuple[Span, bool]] = []
    for region in view.boot.regions:
        if region.base is not None and region.size and region.outcome == "placed":
            found.append((Span.sized(region.base, region.size), region.pool == "cma"))
    reserved = lent = at = 0
    for span, is_lent in sorted(found):
        for bank in ram:
            start, end = max(span.start, bank.start, at), min(span.end, bank.end)
            if start < end:
                reserved += end - start
                lent += end - start if is_lent else 0
        at = max(at, span.end)
    return reserved, lent


RULE = Rule(
    code="CV223",
    slug="reservation-too-large",
    severity=Severity.NOTE,
    summary="regions take more than half of RAM, or nearly all of it",
    boot=check,
    covers=("PL17", "corpus-reserved-share"),
    bad=(
        Example('pool { compatible = "shared-dma-pool"; size = <0x0 0x28000000>; reusable; };'),
        Example("fw@4c000000 { reg = <0x0 0x4c000000 0x0 0x33000000>; no-map; };"),
    ),
    good=(
        Example('pool { compatible = "shared-dma-pool"; size = <0x0 0x10000000>; reusable; };'),
        Example(
            'pool { compatible = "shared-dma-pool"; size = <0x0 0x28000000>; reusable; };',
            memory=((0x40000000, 0x80000000),),
        ),
    ),
)
