# SPDX-License-Identifier: Apache-2.0
"""Which row of a map a step of the boot, a line of the log or a finding is about, and when a row appears."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from carveout.boot.result import StepKind
from carveout.report.layout import SpanKind
from carveout.report.svg_labels import failed_mark, row_mark

if TYPE_CHECKING:
    from carveout.boot.result import Boot, LogLine, Step
    from carveout.report.layout import DisplaySpan, Layout

_TAKES = (StepKind.RESERVE, StepKind.NOMAP, StepKind.ALLOC, StepKind.CMA)
_ADDRESS = re.compile(r"0x([0-9a-f]{6,16})\b")
_WORD = re.compile(r"[^\s'\",:;()]+")

_OWNERS = {SpanKind.KERNEL: "kernel", SpanKind.DTB: "dtb", SpanKind.INITRD: "initrd"}
_FIRMWARE = {"/memreserve/": "memreserve", "reserved-ranges": "reserved-ranges"}


class Marks:
    """The marks of one map's rows, found by owner, name and address."""

    def __init__(self, boot: Boot, layout: Layout) -> None:
        """Look at every row and every step once."""
        self._boot = boot
        self._rows = layout.spans
        self._starts = [row.span.start for row in layout.spans]
        self._by_owner: dict[str, str] = {}
        self._by_name: dict[str, str] = {}
        self._by_base: dict[int, str] = {}
        for number, row in enumerate(layout.spans):
            if row.kind in (SpanKind.FREE, SpanKind.HOLE):
                continue
            mark = row_mark(number)
            self._by_owner.setdefault(owner(row), mark)
            self._by_base.setdefault(row.span.start, mark)
            if row.region is not None:
                self._by_name.setdefault(row.region.name, mark)
        for number, region in enumerate(layout.failed):
            self._by_owner.setdefault(region.path, failed_mark(number))
            self._by_name.setdefault(region.name, failed_mark(number))
        self.appears = self._appearances(layout)
        """Mark → the first step after which the row is there; rows that are not in it are there from the start."""

    def of_path(self, path: str) -> str:
        """Return the mark of the row that a region made; empty when it has none."""
        return self._by_owner.get(path, "")

    def of_step(self, step: Step) -> str:
        """Return the mark of the row that a step is about; empty when there is none."""
        mark = self._by_owner.get(step.subject, "")
        if mark or step.base is None or step.kind not in _TAKES:
            return mark
        return self._at(step.base)

    def of_line(self, line: LogLine) -> str:
        """Return the mark of the row that a log line speaks of: by an address, a name, or the step it belongs to."""
        for address in _ADDRESS.findall(line.text):
            if mark := self._by_base.get(int(address, 16)):
                return mark
        for word in _WORD.findall(line.text):
            if mark := self._by_name.get(word):
                return mark
        return self.of_step(self._boot.trace[line.step]) if line.step < len(self._boot.trace) else ""

    def _at(self, address: int) -> str:
        at = bisect_right(self._starts, address) - 1
        if at < 0 or address >= self._rows[at].span.end or self._rows[at].kind is SpanKind.FREE:
            return ""
        return row_mark(at)

    def _appearances(self, layout: Layout) -> dict[str, int]:
        first: dict[str, int] = {}
        failed: dict[str, int] = {}
        for number, step in enumerate(self._boot.trace):
            if step.kind in _TAKES:
                first.setdefault(self.of_step(step), number)
            elif step.kind is StepKind.FAIL:
                failed.setdefault(step.subject, number)
        first.pop("", None)
        for number, region in enumerate(layout.failed):
            if region.path in failed:
                first[failed_mark(number)] = failed[region.path]
        return first


def owner(row: DisplaySpan) -> str:
    """Return the subject that steps about a row have."""
    if row.region is not None:
        return row.region.path
    if row.kind is SpanKind.CMA and row.cma is not None:
        return "default cma" if row.cma.is_default else row.cma.name
    return _OWNERS.get(row.kind) or _FIRMWARE.get(row.label, row.label)
