#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the file of a new rule, with the next free code: `make rule NAME=slug [SUBJECT=1]`.

    tools/new_rule.py SLUG [--subject DIGIT]

SUBJECT is the hundred: 0 structure and cells, 1 static layout, 2 dynamic placement, 3 pools, 4 consumers,
5 compatibles, 6 firmware, 7 kernel and command line, 8 dialects, 9 style.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "src" / "carveout" / "check" / "rules"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_FILE = re.compile(r"cv(\d{3})_(\w+)\.py")
# The check's own notes; see CV990.
_RESERVED_FROM = 990

TEMPLATE = '''\
# SPDX-License-Identifier: Apache-2.0
"""One sentence: what is wrong with the tree.

What it checks
--------------
Which values, against what. What is left to another rule.

Why it matters
--------------
What goes wrong on the machine.

Kernel behaviour
----------------
5.10, 6.1: what they do, and the line they print, verbatim.
6.12, 7.2: the same, or what differs.

Example
-------
See `bad`: in one sentence.

Fix
---
What to change.

Known limits
------------
What it does not see.

References
----------
function(), file; section of the specification; a real case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each region that is wrong."""
    for region in context.regions:
        if region.name == "to-be-written":
            yield Problem(path=region.path, message="what is, what was expected; what follows")


RULE = Rule(
    code="@CODE@",
    slug="@SLUG@",
    severity=Severity.WARNING,
    summary="what is wrong, in a few words",
    board=check,
    bad=(
        Example("""
            to-be-written { size = <0x0 0x1000000>; };
        """),
    ),
    good=(
        Example("""
            written { size = <0x0 0x1000000>; };
        """),
    ),
)
'''


def next_code(taken: set[int], subject: int) -> int:
    """Return the first free code of a hundred that is above all taken ones, so that none is used again.

    Raises: ValueError when the hundred is full.
    """
    first, last = subject * 100 + 1, min(subject * 100 + 99, _RESERVED_FROM - 1)
    highest = max((code for code in taken if first <= code <= last), default=first - 1)
    if highest == last:
        raise ValueError(f"no code is left in {subject}xx")
    return highest + 1


def make(slug: str, subject: int, folder: Path) -> Path:
    """Write the file of a rule and return its path. Raises: ValueError for a slug that cannot be or is taken."""
    if not _SLUG.fullmatch(slug):
        raise ValueError(
            f"'{slug}' is no slug: expected lower case words with hyphens, such as region-overlap"
        )
    known = [match for path in folder.iterdir() if (match := _FILE.fullmatch(path.name))]
    name = slug.replace("-", "_")
    if any(match[2] == name for match in known):
        raise ValueError(f"there is a rule {slug} already")
    code = next_code({int(match[1]) for match in known}, subject)
    path = folder / f"cv{code:03d}_{name}.py"
    path.write_text(TEMPLATE.replace("@CODE@", f"CV{code:03d}").replace("@SLUG@", slug), encoding="utf-8")
    return path


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("slug", help="lower case words with hyphens; reads well after `allow`")
    parser.add_argument("--subject", type=int, choices=range(10), default=1, help="the hundred of the code")
    args = parser.parse_args()
    try:
        path = make(args.slug, args.subject, RULES)
    except ValueError as error:
        sys.stderr.write(f"new_rule: {error}\n")
        return 2
    sys.stdout.write(f"{path.relative_to(ROOT)}: fill it in, then `make test` and `make docs`\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
