# SPDX-License-Identifier: Apache-2.0
"""`carveout pool`: contiguous memory at run time. Finds the sub-verb and runs it."""

from __future__ import annotations

import sys
from importlib import import_module

from carveout.errors import UsageError
from carveout.values import NamedTuple


class SubVerb(NamedTuple):
    """The module that runs it, and what it answers."""

    module: str
    summary: str


SUBVERBS = {
    "show": SubVerb(
        "carveout.cli.pool_show", "what is in use and what is free: of a board, of debugfs, of a trace"
    ),
    "replay": SubVerb(
        "carveout.cli.pool_replay", "what each request of a trace gets: what fails, when and why"
    ),
    "size": SubVerb("carveout.cli.pool_size", "the smallest pool for a trace, and the property to write"),
    "compare": SubVerb("carveout.cli.pool_compare", "kernels, page sizes, policies and sizes side by side"),
    "calibrate": SubVerb(
        "carveout.cli.pool_calibrate", "what attempts, free pages and moved pages cost, by a trace"
    ),
    "workloads": SubVerb(
        "carveout.cli.pool_workloads", "ready sequences of requests, and the sums behind them"
    ),
}

_HELP = """usage: carveout pool VERB [OPTION...]

Contiguous, coherent and restricted pools of a running system: what an allocation gets, and what size serves.

verbs:
{verbs}

A trace is text of the kernel's cma events (the tracing file system, trace-cmd report, perf script), JSON lines,
a list of dma-heap requests, or dma-buf's bufinfo; gzip is unpacked.

'carveout pool VERB --help' for a verb's options
"""


def run(argv: list[str]) -> int:
    """Run the sub-verb and return the exit code."""
    if not argv:
        raise UsageError(
            f"no pool verb given, expected one of: {', '.join(SUBVERBS)}; see 'carveout pool --help'"
        )
    first, *rest = argv
    if first in ("--help", "-h", "help"):
        if not rest:
            width = max(map(len, SUBVERBS))
            sys.stdout.write(
                _HELP.format(
                    verbs="\n".join(f"  {name:<{width}}  {verb.summary}" for name, verb in SUBVERBS.items())
                )
            )
            return 0
        first, rest = rest[0], ["--help"]
    if first not in SUBVERBS:
        from difflib import get_close_matches

        near = get_close_matches(first, SUBVERBS, n=1, cutoff=0.5)
        guess = f"did you mean '{near[0]}'?" if near else f"expected one of: {', '.join(SUBVERBS)}"
        raise UsageError(f"unknown pool verb '{first}': {guess}; see 'carveout pool --help'")
    code: int = import_module(SUBVERBS[first].module).run(rest)
    return code
