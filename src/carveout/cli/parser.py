# SPDX-License-Identifier: Apache-2.0
"""The command line parser that every verb uses: argparse, with errors as carveout prints them."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, NoReturn

from carveout.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HELP_WIDTH = 100


class _Formatter(argparse.RawDescriptionHelpFormatter):
    # A width of its own: asking for the screen's imports shutil, which takes longer than all of argparse.
    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        width = min(int(columns), _HELP_WIDTH) if columns.isdigit() and int(columns) > 40 else _HELP_WIDTH
        super().__init__(prog, max_help_position=30, width=width - 2)


class Once(argparse.Action):
    """Stores a value, and refuses a second one: the first would be lost without a word."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Store `values`. Raises: UsageError when the option was there before."""
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} is given twice, expected once")
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """An argparse parser that raises UsageError where argparse would print and exit."""

    def __init__(self, verb: str, *, summary: str, notes: str = "") -> None:
        """verb: as typed. summary: what the verb answers. notes: printed below the options."""
        super().__init__(
            prog=f"carveout {verb}",
            description=summary,
            epilog=notes,
            formatter_class=_Formatter,
            allow_abbrev=False,
        )
        self.add_argument("--debug", action="store_true", help="show the traceback of an error")

    def parse_args(self, args: Sequence[str] | None = None, namespace: None = None) -> argparse.Namespace:  # type: ignore[override]
        """Parse; boards and options may come in any order, as in `check a.dtb --kernel 7.2 b.dtb`."""
        return self.parse_intermixed_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message}; see '{self.prog} --help'")
