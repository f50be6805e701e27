# SPDX-License-Identifier: Apache-2.0
"""The memory of OP-TEE is in the tree twice.

What it checks
--------------
Regions whose names speak of OP-TEE and that share addresses.

Why it matters
--------------
OP-TEE writes `optee_core@…` and `optee_shm@…` into the tree when it starts. If the source has the same memory
under another name, it is there twice.

Kernel behaviour
----------------
Linux prints `OVERLAP DETECTED!` and reserves both.

Example
-------
See `bad`.

Fix
---
Call them `optee_core@ADDRESS` and `optee_shm@ADDRESS`, or leave them to OP-TEE.

Known limits
------------
What OP-TEE will write is not in the tree before it has run: one region under any name is left alone.

References
----------
mark_tzdram_as_reserved(), core/kernel/boot.c of OP-TEE; binding rule FW09.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.overlap import overlapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each region of OP-TEE after the first that shares memory with it."""
    for pair in overlapping(context):
        if _is_optee(pair.first) and _is_optee(pair.second):
            yield Problem(
                path=pair.second.path,
                message=(
                    f"OP-TEE's memory is there twice, also as {pair.first.path}: one from the source, one from OP-TEE itself"
                ),
                related=(pair.first.path,),
                cause=pair.first.path,
            )


def _is_optee(region: Region) -> bool:
    return "optee" in region.name or "op-tee" in region.name


RULE = Rule(
    code="CV614",
    slug="optee-region-twice",
    severity=Severity.NOTE,
    summary="the memory of OP-TEE is there twice",
    board=check,
    covers=("FW09",),
    bad=(
        Example("""
            optee@50000000 { reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
            optee_core@50000000 { reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
        """),
    ),
    good=(
        Example("""
            optee_core@50000000 { reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
            optee_shm@51000000 { reg = <0x0 0x51000000 0x0 0x200000>; no-map; };
        """),
    ),
)
