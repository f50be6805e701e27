# SPDX-License-Identifier: Apache-2.0
"""Boot real kernels in QEMU with trees of our own, and set what they did against what carveout says.

`python -m tools.oracle --help`, from the top of the checkout; README.md beside this file explains the parts.
The comparison is the one of the tests (tests/support), so that both mean the same by "agrees".
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# tests/support compares; tools/fetch_dtbs.py runs apt without being root.
for _folder in (ROOT / "tests", ROOT / "tools"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))
