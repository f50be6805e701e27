# SPDX-License-Identifier: Apache-2.0
"""Boots that were just made, set against ours with the comparison of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from carveout.boot.iomem import iomem
from carveout.observe.iomem import parse_iomem
from support.agreement import judge, simulate
from support.recordings import made

from .probe import FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.agreement import Verdict
    from support.recordings import Recording

    from .record import Recorded


class Compared(NamedTuple):
    """One boot and what the comparison says."""

    recorded: Recorded
    verdict: Verdict
    iomem: tuple[str, ...] = ()
    """Differences of /proc/iomem, of a boot that shows it."""

    @property
    def problems(self) -> list[str]:
        """The differences that count, as lines; empty when both agree."""
        return [*self.verdict.problems(), *self.iomem]


def compare(boots: Sequence[Recorded]) -> list[Compared]:
    """Return each boot with its verdict, in order.

    All boots of a run together: one that left no log lies where another of the same kernel said it does.
    """
    recordings = made([(dict(boot.row), boot.dtb) for boot in boots])
    return [
        Compared(boot, judge(one), iomem_differences(one))
        for boot, one in zip(boots, recordings, strict=True)
    ]


def iomem_differences(recorded: Recording) -> tuple[str, ...]:
    """Say how /proc/iomem differs: RAM to the byte, and each line in RAM that is predicted is part of one that is shown."""
    lines = ((recorded.fields.get("probe") or {}).get("files") or {}).get(FILE)
    if lines is None:
        return ()
    real = parse_iomem("\n".join(lines))
    ours = iomem(simulate(recorded)).lines
    shown = [(one.span, one.name) for one in real if not one.depth and one.name in ("System RAM", "reserved")]
    predicted = [(line.span, line.name) for line in ours if not line.depth]
    found = [f"iomem: missing {span} {name}" for span, name in shown if (span, name) not in predicted]
    found += [
        f"iomem: not in the kernel's: {span} {name}" for span, name in predicted if (span, name) not in shown
    ]
    inner = [one for one in real if one.depth == 1]
    for line in ours:
        if line.depth and not any(one.name == line.name and one.span.contains(line.span) for one in inner):
            found.append(f"iomem: not in the kernel's: {line.span} {line.name}")
    return tuple(found)


def table(results: Sequence[Compared]) -> str:
    """Return one line for each kernel: boots, how many agree, how many carveout calls exact."""
    lines = [f"{'kernel':32}{'boots':>6}{'agree':>7}{'differ':>8}{'skip':>6}{'exact':>7}"]
    for release in dict.fromkeys(result.verdict.release for result in results):
        rows = [result for result in results if result.verdict.release == release]
        skipped = [row for row in rows if row.verdict.unsupported is not None]
        differ = [row for row in rows if row.problems and row not in skipped]
        exact = [row for row in rows if row.verdict.exactness == "exact"]
        agree = len(rows) - len(skipped) - len(differ)
        counts = f"{len(rows):>6}{agree:>7}{len(differ):>8}{len(skipped):>6}{len(exact):>7}"
        lines.append(f"{release:32}{counts}")
    return "\n".join(lines)


def report(result: Compared) -> str:
    """Return what to print about one boot: a line, and its differences below."""
    row, verdict = result.recorded.row, result.verdict
    said = "agrees" if not result.problems else "DIFFERS"
    if verdict.unsupported is not None:
        said = "skipped"
    first = f"{said:8}{row['outcome']!s:7}{row['seconds']!s:>6} s  {verdict.exactness or '-':9} {verdict.id}"
    return "\n".join([first, *(f"        {problem}" for problem in result.problems)])
