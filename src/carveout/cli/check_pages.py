# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH103, PTH110, PTH112, PTH118
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""`carveout check --format html`: a folder with an index and a page for each board."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carveout.cli.output import write
from carveout.errors import UsageError
from carveout.report.html.index_page import INDEX, board_page, render_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from carveout.check.model import Finding
    from carveout.check.result import BoardResult, Totals


def write_pages(
    results: Iterable[BoardResult],
    totals: Totals,
    folder: str | None,
    *,
    inputs: Iterable[str],
    of_none: Callable[[], Sequence[Finding]],
) -> None:
    """Write a page for each board as it is checked, and then the index; totals: filled while results are taken.

    of_none: gives the findings that belong to no board, when all boards are checked, and counts them.
    Raises: UsageError when there is no folder to write to.
    """
    if folder is None:
        raise UsageError("--format html makes a folder of pages: name it with -o FOLDER")
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise UsageError(f"-o {folder}: is a file, expected a folder (or none yet) for the pages")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UsageError(f"-o {folder}: cannot be made: {error.strerror}") from error
    inputs = tuple(inputs)
    entries = []
    for number, result in enumerate(results, 1):
        entry, page = board_page(result, number)
        entries.append(entry)
        if page is not None and entry.page is not None:
            write(page, os.path.join(folder, entry.page), inputs=inputs)
    left = of_none()
    write(render_index(entries, totals=totals, of_none=left), os.path.join(folder, INDEX), inputs=inputs)
