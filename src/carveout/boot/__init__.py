# SPDX-License-Identifier: Apache-2.0
"""Board and scene → Boot: the early boot of a kernel, simulated step by step."""

from __future__ import annotations

from carveout.boot.result import Boot, Exactness
from carveout.boot.run import boot
from carveout.boot.scene import Scene

__all__ = ["Boot", "Exactness", "Scene", "boot"]
