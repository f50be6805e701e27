# SPDX-License-Identifier: Apache-2.0
"""The kernel's own words about itself: the version banner and the command line it was started with."""

from __future__ import annotations

from carveout.errors import ObservationError

_BANNER = "Linux version "
_LONGEST = 4096


def kernel_release(text: str) -> str:
    """Return the release in the text of /proc/version, such as 6.12.107+deb13-arm64. Raises: ObservationError."""
    line = text[:_LONGEST].partition("\n")[0].strip()
    words = line.removeprefix(_BANNER).split()
    if not line.startswith(_BANNER) or not words or not words[0].isprintable():
        raise ObservationError("expected 'Linux version RELEASE ...' as in /proc/version")
    return words[0]


def command_line(text: str) -> str:
    """Return the command line in the text of /proc/cmdline."""
    return text.rstrip("\n\0")
