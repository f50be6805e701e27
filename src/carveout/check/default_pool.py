# SPDX-License-Identifier: Apache-2.0
"""Which regions ask to be the default pool of contiguous memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carveout.check.context import Region


def asks_for_default(region: Region) -> bool:
    """Say whether a region has all that rmem_cma_setup() wants of a default pool."""
    raw = region.raw
    return raw.cma_default and raw.reusable and not raw.no_map and region.has("shared-dma-pool")
