# SPDX-License-Identifier: Apache-2.0
"""A region lacks a property that its compatible requires.

What it checks
--------------
Enabled regions against the bindings of their compatibles: `reg` for ramoops, phram, cmd-db, tables and mailboxes of firmware; `no-map` for
nvmem-rmem, open-dice and tegra264-bpmp-shmem; `qcom,client-id` for rmtfs memory.

Why it matters
--------------
A driver that misses the property does not start. Without `reg` the address is another one on each boot, and what a former kernel or
the firmware left there is not found.

Kernel behaviour
----------------
rmtfs: `failed to parse "qcom,client-id"`. open-dice: memory that is mapped RAM cannot be mapped again, probing fails. cmd-db, phram, the
emc table: no memory, no driver. ramoops starts on a dynamic region, which rarely is where the last log is.

Example
-------
See `bad`.

Fix
---
Add the property.

Known limits
------------
The bindings of Linux 7.2.

References
----------
Documentation/devicetree/bindings/reserved-memory/ and nvmem/rmem.yaml of Linux 7.2; drivers/soc/qcom/rmtfs_mem.c; binding rules
SH20, SH23, LX15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_NEEDS: dict[str, tuple[str, ...]] = {
    "google,open-dice": ("reg", "no-map"),
    "intel,wakeup-mailbox": ("reg",),
    "nvidia,tegra210-emc-table": ("reg",),
    "nvidia,tegra264-bpmp-shmem": ("reg", "no-map"),
    "nvmem-rmem": ("no-map",),
    "phram": ("reg",),
    "qcom,cmd-db": ("reg",),
    "qcom,rmtfs-mem": ("qcom,client-id",),
    "ramoops": ("reg",),
}
_FOLLOWS = {
    "no-map": "Linux maps the memory, which its owner needs for itself",
    "qcom,client-id": 'the driver fails ("failed to parse "qcom,client-id"")',
    "reg": "the address is fixed by its owner, and Linux would pick another one",
}


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each property that is missing."""
    found = context.by_compatible
    for compatible, needs in _NEEDS.items() if found else ():
        for region in found.get(compatible, ()):
            for name in needs:
                if name in region.node:
                    continue
                flag = name == "no-map"
                yield Problem(
                    path=region.path,
                    prop="compatible",
                    message=f"a region with compatible {compatible} needs {name}; {_FOLLOWS[name]}",
                    fix="add no-map" if flag else None,
                    edits=(Edit(EditKind.SET, region.path, name),) if flag else (),
                    cause=name,
                )


RULE = Rule(
    code="CV508",
    slug="compatible-needs",
    severity=Severity.ERROR,
    summary="a region lacks a property that its compatible requires",
    board=check,
    covers=("SH20", "SH23"),
    bad=(
        Example(
            'rmtfs@50000000 { compatible = "qcom,rmtfs-mem"; reg = <0x0 0x50000000 0x0 0x200000>; no-map; };'
        ),
        Example('dice@50000000 { compatible = "google,open-dice"; reg = <0x0 0x50000000 0x0 0x1000>; };'),
        Example('mailbox { compatible = "intel,wakeup-mailbox"; size = <0x0 0x1000>; };'),
        Example('log { compatible = "ramoops"; size = <0x0 0x40000>; console-size = <0x20000>; };'),
    ),
    good=(
        Example(
            'rmtfs@50000000 { compatible = "qcom,rmtfs-mem"; reg = <0x0 0x50000000 0x0 0x200000>; no-map; '
            "qcom,client-id = <1>; };"
        ),
        Example(
            'dice@50000000 { compatible = "google,open-dice"; reg = <0x0 0x50000000 0x0 0x1000>; no-map; };'
        ),
        Example(
            'mailbox@50000000 { compatible = "intel,wakeup-mailbox"; reg = <0x0 0x50000000 0x0 0x1000>; };'
        ),
    ),
)
