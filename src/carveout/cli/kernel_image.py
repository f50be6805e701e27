# SPDX-License-Identifier: Apache-2.0
"""The kernel image named with --image: how much memory it takes, from its header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.cli.files import read_file, read_start
from carveout.errors import InputError, KernelImageError, ToolMissing

if TYPE_CHECKING:
    from carveout.kernel.image import ImageInfo

_HEADER = 64
_LIMIT = 512 << 20
"""Larger than any kernel: Debian's have at most 50 MiB, with everything built in some 200."""


def read_image_file(path: str) -> ImageInfo:
    """Return what a kernel file says about itself; its image_size is known.

    Raises InputError when it cannot be read, or does not tell its size in memory.
    """
    from carveout.kernel.image import is_plain_image, read_image

    data = read_start(path, what="a kernel image", size=_HEADER)
    if not is_plain_image(data):
        data = read_file(path, what="a kernel image", limit=_LIMIT)
    try:
        info = read_image(data)
    except KernelImageError as error:
        raise InputError(f"--image {path}: {error}; or pass --kernel-image BASE+SIZE") from error
    except ToolMissing as error:
        raise ToolMissing(f"--image {path}: {error}") from error
    if info.image_size is None:
        raise InputError(f"--image {path}: {info.why}; pass --kernel-image BASE+SIZE")
    return info
