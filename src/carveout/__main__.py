# SPDX-License-Identifier: Apache-2.0
"""`python -m carveout`: the command where its script is not on the path."""

from __future__ import annotations

from carveout.cli.main import run

if __name__ == "__main__":
    run()
