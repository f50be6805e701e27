# SPDX-License-Identifier: Apache-2.0
"""A comment allows something that is no rule.

What it checks
--------------
Each word of a `carveout: allow` comment: is it the code or the slug of a rule? Words behind `--` are the reason and
may be anything.

Why it matters
--------------
A misspelt allow holds back nothing, and the finding it was meant for stays.

Kernel behaviour
----------------
None: this is about the source.

Example
-------
`/* carveout: allow region-overlpa -- the DSP owns both */`

Fix
---
Write the code or the slug as the finding shows it.

Known limits
------------
A word of carveout.toml that is no rule is an error of that file (exit code 2), not this finding.

References
----------
docs/integration.md, section "Allowing a finding".
"""

from __future__ import annotations

from carveout.check.model import Rule, Severity

RULE = Rule(
    code="CV991",
    slug="unknown-allow",
    severity=Severity.NOTE,
    summary="a comment allows something that is no rule",
    bad=(),
    good=(),
    is_about_run=True,
)
