# SPDX-License-Identifier: Apache-2.0
"""Options that several pool verbs share beside those of the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.cli.output import STDOUT, terminal
from carveout.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.cli.parser import Parser
    from carveout.pool.trace import PoolSpec, TraceHeader
    from carveout.report.terminal import Terminal


def add_output_options(parser: Parser, *, formats: tuple[str, ...]) -> None:
    """Add the format, the file, width and colour of a result. formats: the first is the default."""
    parser.add_argument("--format", choices=formats, default=formats[0], help=f"default: {formats[0]}")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write to FILE, whole or not at all; - for stdout"
    )
    parser.add_argument(
        "--width", type=int, metavar="N", help="columns of text (default: the terminal's, else 100)"
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")


def terminal_of(args: Namespace) -> Terminal:
    """Return how text is to look. Raises: UsageError for a width that is none."""
    if args.width is not None and args.width < 1:
        raise UsageError(f"--width: {args.width} is no width, expected a number of columns, for example 100")
    return terminal(colour=args.color, width=args.width, to_file=args.output not in (None, STDOUT))


def add_policy_option(parser: Parser) -> None:
    """Add the policy by which places are chosen."""
    from carveout.pool.policy import POLICIES

    parser.add_argument(
        "--policy",
        choices=tuple(POLICIES),
        default="first-fit",
        help="how places are chosen; the kernel's is first-fit (default)",
    )


def chosen_pools(header: TraceHeader, name: str | None) -> tuple[PoolSpec, ...]:
    """Return the pool with this name, or all. Raises: UsageError when there is none."""
    return header.pools if name is None else (header.pool(name),)
