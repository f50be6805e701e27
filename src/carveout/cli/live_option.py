# SPDX-License-Identifier: Apache-2.0
"""The option --live, apart from what reads a machine, so that a verb without it pays nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carveout.cli.parser import Parser

THIS_MACHINE = "/"


def add_live_option(parser: Parser) -> None:
    """Add --live to a verb's parser."""
    parser.add_argument(
        "--live",
        nargs="?",
        const=THIS_MACHINE,
        metavar="DIR",
        help="instead of BOARD: tree and scene of this running machine, or of the files captured in DIR "
        "(sys/firmware/fdt, proc/iomem, proc/cmdline, proc/version, proc/config.gz, ...)",
    )
