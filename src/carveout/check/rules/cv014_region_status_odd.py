# SPDX-License-Identifier: Apache-2.0
"""The status of a region is no value that the specification knows.

What it checks
--------------
`status` of the children of `/reserved-memory`: `okay`, `ok`, `disabled`, `reserved`, `fail` or `fail-...`, as one string.

Why it matters
--------------
Every value but `ok` and `okay` disables the reservation, also `enabled`.

Kernel behaviour
----------------
All versions skip the node without a message. A value without a closing NUL counts as absent in 7.2: the region is
reserved there and not by older kernels.

Example
-------
See `bad`.

Fix
---
Write `status = "okay"`, or remove it. `--fix` does it for a value that means yes.

Known limits
------------
None.

References
----------
of_fdt_device_is_available(), drivers/of/fdt.c; devicetree specification, section 2.3.4; kernel-semantics 3.2; binding
rule ST22.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity
from carveout.check.structure import STATUS_OFF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_YES = ("enabled", "enable", "on", "yes", "true", "okey", "okay ", "o.k.", "active")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such status."""
    for region in context.all_regions:
        status = region.raw.status
        if status is None or region.depth > 1:
            continue
        value = status.value
        text = value.rstrip(b"\0").decode("utf-8", "surrogateescape")
        if not value.endswith(b"\0"):
            message = (
                f"status has {status.length} bytes and no closing NUL, expected a string; Linux 7.2 takes it for absent "
                "and reserves the memory, older kernels read on behind it and do not"
            )
        elif text in ("ok", "okay", *STATUS_OFF) or text.startswith("fail-"):
            continue
        else:
            message = f'status is "{text}", expected "okay" or "disabled"; Linux does not reserve this memory'
        means_yes = text.lower() in _YES or text.lower() in ("ok", "okay")
        yield Problem(
            path=region.path,
            prop="status",
            message=message,
            fix='write `status = "okay"`' if means_yes else None,
            edits=(Edit(EditKind.SET, region.path, "status", b"okay\0"),) if means_yes else (),
        )


RULE = Rule(
    code="CV014",
    slug="region-status-odd",
    severity=Severity.WARNING,
    summary="the status of a region is no value that the specification knows",
    board=check,
    covers=("ST22",),
    bad=(
        Example('fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; status = "enabled"; };'),
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; status = <1>; };"),
    ),
    good=(
        Example('fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; status = "disabled"; };'),
        Example('fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; status = "ok"; };'),
    ),
)
