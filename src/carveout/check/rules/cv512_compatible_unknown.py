# SPDX-License-Identifier: Apache-2.0
"""A region has a compatible that no binding of Linux has.

What it checks
--------------
Regions none of whose compatibles is in the bindings of Linux 7.2 or dt-schema. Without a vendor prefix, or with a space or another
character that no compatible has, it is a warning: mostly a slip.

Why it matters
--------------
Linux treats the region like one without a compatible: reserved, and no more. A misspelt pool is no pool.

Kernel behaviour
----------------
All versions: no region driver, no device. The region stays reserved.

Example
-------
See `bad`: `shared-dma-pol`, and a name with a space as in Amlogic's kernels.

Fix
---
Correct the name. For a vendor's own compatible none is needed, if a driver exists.

Known limits
------------
Compatibles of kernels of vendors are not known here: a note. The dialects of 2013 have rules of their own.

References
----------
RESERVEDMEM_OF_DECLARE() of Linux 7.2; reserved_mem_matches[], drivers/of/platform.c; Devicetree Specification, chapter 2.3.1;
binding rule SH12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.spelling import distance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region

_KNOWN = frozenset(
    (
        "arm,scmi-shmem", "framebuffer", "fsl,bman-fbpr", "fsl,qman-fqd", "fsl,qman-pfdr", "google,open-dice",
        "intel,wakeup-mailbox", "mobileye,eyeq5-bootloader-config", "nvidia,tegra210-emc-table",
        "nvidia,tegra264-bpmp-shmem", "nvmem-rmem", "phram", "qcom,cmd-db", "qcom,rmtfs-mem", "qcom,smem", "ramoops",
        "raspberrypi,bootloader-config", "raspberrypi,bootloader-public-key", "restricted-dma-pool",
        "shared-dma-pool", "xen,shared-memory-v1",
    )
)  # fmt: skip
_LEGACY = frozenset(
    (
        "contiguous-memory", "fsl,qman-backing-store", "linux,contiguous-memory-region", "linux,elfcorehdr",
        "reserved-memory", "reserved-memory-region", "shareable-memory-region",
    )
)  # fmt: skip
_SLIP = 2
"""So many letters may be wrong for a name to count as another one misspelt."""
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,._+-/")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    known = _KNOWN | _LEGACY
    if known.issuperset(context.by_compatible):
        return
    for region in context.regions:
        texts = region.compatible
        if texts and not any(text.lower() in known for text in texts):
            yield _problem(region, texts[0])


def _problem(region: Region, text: str) -> Problem:
    meant = next((name for name in sorted(_KNOWN) if distance(text.lower(), name) <= _SLIP), None)
    odd = not _ALLOWED.issuperset(text)
    if meant is not None:
        what = f'is close to "{meant}"'
    elif odd:
        what = "has a character that no compatible has"
    elif "," not in text:
        what = "is not known, and has no vendor prefix"
    else:
        what = "is not in the bindings of Linux 7.2"
    return Problem(
        path=region.path,
        prop="compatible",
        message=f'compatible "{text}" {what}; Linux reserves the region and does nothing else with it',
        severity=Severity.WARNING if meant is not None or odd or "," not in text else None,
    )


RULE = Rule(
    code="CV512",
    slug="compatible-unknown",
    severity=Severity.NOTE,
    summary="a region has a compatible that no binding of Linux has",
    board=check,
    covers=("SH12",),
    bad=(
        Example('pool@50000000 { compatible = "shared-dma-pol"; reg = <0x0 0x50000000 0x0 0x400000>; };'),
        Example('idev@50000000 { compatible = "amlogic, idev-mem"; reg = <0x0 0x50000000 0x0 0x400000>; };'),
        Example('heap@50000000 { compatible = "vendor,heap"; reg = <0x0 0x50000000 0x0 0x400000>; };'),
        Example('heap@50000000 { compatible = "heap"; reg = <0x0 0x50000000 0x0 0x400000>; };'),
    ),
    good=(
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; no-map; };'
        ),
        Example(
            'nvram@50000000 { compatible = "raspberrypi,bootloader-config", "nvmem-rmem"; '
            "reg = <0x0 0x50000000 0x0 0x1000>; no-map; };"
        ),
        Example("heap@50000000 { reg = <0x0 0x50000000 0x0 0x400000>; };"),
    ),
)
