# SPDX-License-Identifier: Apache-2.0
"""Memory of secure firmware has no `no-map`.

What it checks
--------------
Enabled static regions in RAM whose name says secure firmware: optee, tz, trustzone, secmon, atf, tfa, bl31, bl32, hyp, mmode_resv.
Shared memory of OP-TEE (`optee_shm`) is meant to be mapped.

Why it matters
--------------
The processor may read ahead through the linear map. Where the firewall forbids it, that is an abort at any time.

Kernel behaviour
----------------
All versions map every region without `no-map`.

Example
-------
See `bad`. qcom/msm8992-xiaomi-libra has `qseecom@cb400000` with `no-mem;` in its place (CV011).

Fix
---
Add `no-map`, as OP-TEE, Trusted Firmware and OpenSBI do in the nodes they write.

Known limits
------------
By name: firmware that does not protect its memory can be mapped without harm. A region that a region driver takes, or with flags of a
pool, is left alone.

References
----------
map_mem(), arch/arm64/mm/mmu.c; add_res_mem_dt_node() of OP-TEE, core/kernel/dt.c; fdt_reserved_memory_fixup() of OpenSBI; binding
rule SH10.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_NAMES = re.compile(
    r"(.*[-_])?(op-?tee(_core)?|tz|tz[-_]?(apps?|mem|fw|stat)|trustzone|secmon|secure[-_]?(monitor|os|fw)|atf|tf-?a|bl3[12]|"
    r"hyp|qseecom|qsee|mmode_resv\d*|teeos)([-_](mem|memory|region|fw|code|core|reserved))?"
)


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region, span in context.static:
        if region.raw.no_map or region.raw.reusable or region.compatible or "no-map-fixup" in region.node:
            continue
        if not _NAMES.fullmatch(region.base_name):
            continue
        if context.ram and not any(bank.overlaps(span) for bank in context.ram):
            continue
        yield Problem(
            path=region.path,
            message=(
                f"by its name {region.base_name} is memory of secure firmware, and it is not no-map; Linux maps it, and the "
                "processor may read ahead into it, which ends in an abort where a firewall forbids it"
            ),
            fix="add no-map",
        )


RULE = Rule(
    code="CV310",
    slug="secure-memory-mapped",
    severity=Severity.WARNING,
    summary="memory of secure firmware has no `no-map`",
    board=check,
    covers=("SH10",),
    bad=(
        Example("optee_core@50000000 { reg = <0x0 0x50000000 0x0 0x2000000>; };"),
        Example("secmon@45000000 { reg = <0x0 0x45000000 0x0 0x300000>; };"),
    ),
    good=(
        Example("optee_core@50000000 { reg = <0x0 0x50000000 0x0 0x2000000>; no-map; };"),
        Example("optee_shm@52000000 { reg = <0x0 0x52000000 0x0 0x200000>; };"),
        Example("optee@10000000 { reg = <0x0 0x10000000 0x0 0x200000>; };"),
    ),
)
