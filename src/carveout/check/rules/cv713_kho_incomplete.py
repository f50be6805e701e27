# SPDX-License-Identifier: Apache-2.0
"""The properties of a kexec handover are incomplete or of a wrong length.

What it checks
--------------
`linux,kho-fdt` and `linux,kho-scratch` in `/chosen`: both or none, each one entry in the cells of the root.

Why it matters
--------------
The new kernel does not find what the old one preserved, and uses the memory for something else.

Kernel behaviour
----------------
7.2: unless both have the right length the handover is ignored. Older kernels, and kernels without
CONFIG_KEXEC_HANDOVER, do not look.

Example
-------
See `bad`.

Fix
---
Let kexec write both; remove what is left over of an old handover.

Known limits
------------
None.

References
----------
early_init_dt_check_kho(), drivers/of/fdt.c; kernel-semantics 1.1; kho.yaml of dt-schema; binding rule LX12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_NAMES = ("linux,kho-fdt", "linux,kho-scratch")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each missing or malformed one."""
    for chosen in context.board.chosen:
        found = {name: prop for name in _NAMES if (prop := chosen.node.prop(name)) is not None}
        for name in _NAMES if found else ():
            prop = found.get(name)
            if prop is None:
                yield Problem(
                    path=chosen.path,
                    message=f"{name} is missing beside {next(iter(found))}; Linux ignores the handover and reuses its memory",
                    cause=name,
                )
            elif prop.length != context.entry_bytes:
                yield Problem(
                    path=chosen.path,
                    prop=name,
                    message=(
                        f"it has {prop.length} bytes, one entry has {context.entry_bytes}; Linux ignores the handover and "
                        "reuses its memory"
                    ),
                    cause=name,
                )


RULE = Rule(
    code="CV713",
    slug="kho-incomplete",
    severity=Severity.ERROR,
    summary="the properties of a kexec handover are not both there and well formed",
    board=check,
    covers=("LX12",),
    bad=(
        Example("""
            / { chosen { linux,kho-fdt = <0x0 0x50000000 0x0 0x1000>; }; };
        """),
        Example("""
            / { chosen { linux,kho-fdt = <0x0 0x50000000 0x0 0x1000>; linux,kho-scratch = <0x50000000 0x1000>; }; };
        """),
    ),
    good=(
        Example("""
            / { chosen { linux,kho-fdt = <0x0 0x50000000 0x0 0x1000>; linux,kho-scratch = <0x0 0x51000000 0x0 0x1000>; }; };
        """),
    ),
)
