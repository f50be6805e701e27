# SPDX-License-Identifier: Apache-2.0
"""What kernels do, as data: behaviours and the table of changes, configurations, build constants."""

from __future__ import annotations

from carveout.kernel.behaviour import Behaviour
from carveout.kernel.config import Config
from carveout.kernel.profile import Profile, resolve

__all__ = ["Behaviour", "Config", "Profile", "resolve"]
