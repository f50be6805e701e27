# SPDX-License-Identifier: Apache-2.0
"""Boots that were just made, set against ours with the comparison of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from support.agreement import judge
from support.recordings import made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.agreement import Verdict

    from .record import Recorded


class Compared(NamedTuple):
    """One boot and what the comparison says."""

    recorded: Recorded
    verdict: Verdict

    @property
    def problems(self) -> list[str]:
        """The differences that count, as lines; empty when both agree."""
        return self.verdict.problems()


def compare(boots: Sequence[Recorded]) -> list[Compared]:
    """Return each boot with its verdict, in order.

    All boots of a run together: one that left no log lies where another of the same kernel said it does.
    """
    recordings = made([(dict(boot.row), boot.dtb) for boot in boots])
    return [Compared(boot, judge(one)) for boot, one in zip(boots, recordings, strict=True)]


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
