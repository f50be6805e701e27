# SPDX-License-Identifier: Apache-2.0
"""An initrd: no boot here gets as far as using it, but it has to lie in memory and be one."""

from __future__ import annotations

import gzip
import random
from typing import TYPE_CHECKING

from carveout.span import KIB

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PAYLOAD = 900 * KIB + 123
"""An odd size on purpose: what the kernel reserves is in whole pages."""


def initrd_file(cache: Path) -> Path:
    """Return the path of the initrd, made the same every time."""
    path = cache / "initrd.gz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        noise = random.Random(2013).randbytes(_PAYLOAD)  # noqa: S311 - a size is wanted, not a secret
        path.write_bytes(gzip.compress(newc([("noise", 0o100644, noise)]), mtime=0))
    return path


def newc(
    files: list[tuple[str, int, bytes]], *, devices: Mapping[str, tuple[int, int]] | None = None
) -> bytes:
    """Return a cpio archive in the form the kernel reads.

    files: name, mode, content. devices: major and minor number of those of them that are devices.
    """
    out = bytearray()
    for number, (name, mode, data) in enumerate([*files, ("TRAILER!!!", 0, b"")], 1):
        raw = name.encode() + b"\0"
        device = (devices or {}).get(name, (0, 0))
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0)
        out += b"070701" + b"".join(b"%08X" % value for value in fields) + raw
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)
