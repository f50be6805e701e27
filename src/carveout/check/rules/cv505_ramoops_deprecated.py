# SPDX-License-Identifier: Apache-2.0
"""A ramoops region has a deprecated property.

What it checks
--------------
`no-dump-oops` and `unbuffered`.

Why it matters
--------------
They were replaced by `max-reason` and `mem-type`, and are ignored beside those.

Kernel behaviour
----------------
All versions still read them: `no-dump-oops` is `max-reason = <1>`, `unbuffered` is `mem-type = <1>`. Beside the new properties they
are ignored. `max-reason` exists from 5.8 on.

Example
-------
See `bad`.

Fix
---
Replace them.

Known limits
------------
None.

References
----------
ramoops_parse_dt(), fs/pstore/ram.c; ramoops.yaml; binding rule SH17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.context import cells
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity
from carveout.check.ramoops import ramoops_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_REPLACED = (("no-dump-oops", "max-reason"), ("unbuffered", "mem-type"))


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such property."""
    for region in ramoops_regions(context):
        for old, new in _REPLACED:
            if old not in region.node:
                continue
            remove = Edit(EditKind.REMOVE, region.path, old)
            if new in region.node:
                yield Problem(
                    path=region.path,
                    prop=old,
                    message=f"{old} is deprecated, and ignored beside {new}",
                    fix=f"remove {old}",
                    edits=(remove,),
                )
            else:
                yield Problem(
                    path=region.path,
                    prop=old,
                    message=f"{old} is deprecated; it means {new} = <1>",
                    fix=f"replace it by {new} = <1>",
                    edits=(remove, Edit(EditKind.SET, region.path, new, cells(1, width=1))),
                )


RULE = Rule(
    code="CV505",
    slug="ramoops-deprecated",
    severity=Severity.WARNING,
    summary="a ramoops region has a deprecated property",
    board=check,
    covers=("SH17",),
    bad=(
        Example("""ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>; console-size = <0x40000>;
            no-dump-oops; };"""),
        Example("""ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>; console-size = <0x40000>;
            unbuffered; mem-type = <2>; };"""),
    ),
    good=(
        Example("""ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>; console-size = <0x40000>;
            max-reason = <1>; mem-type = <2>; };"""),
    ),
)
