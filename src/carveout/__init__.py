# SPDX-License-Identifier: Apache-2.0
"""carveout: where Linux will put every piece of reserved memory, before the board boots."""

from __future__ import annotations

__version__ = "0.1.0"
