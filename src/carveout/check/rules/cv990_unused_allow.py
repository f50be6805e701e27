# SPDX-License-Identifier: Apache-2.0
"""A comment or a table of carveout.toml allows a finding that is not there.

What it checks
--------------
Each `carveout: allow` comment of a source, and each `[[allow]]` table of carveout.toml when all boards of the project
are checked: did it hold back at least one finding? Rules that were not run (`--select`, `--ignore`) are left out.

Why it matters
--------------
What it once excused is repaired. Left in place, it would hide the next fault of the same kind at that place.

Kernel behaviour
----------------
None: this is about the source.

Example
-------
`/* carveout: allow region-overlap */` in front of a region that overlaps nothing any more.

Fix
---
Delete the comment or the table.

Known limits
------------
Whether a finding is there can depend on the scene. An allow that is needed only with `--page-size 64K` is reported
when the run has no such scene: list the scenes in carveout.toml, so that every run has them all.

References
----------
docs/integration.md, section "Allowing a finding".
"""

from __future__ import annotations

from carveout.check.model import Rule, Severity

RULE = Rule(
    code="CV990",
    slug="unused-allow",
    severity=Severity.NOTE,
    summary="a finding is allowed that is not there",
    bad=(),
    good=(),
    is_about_run=True,
)
