# SPDX-License-Identifier: Apache-2.0
"""How large the buffers of video, cameras, displays and audio are: sums that can be read beside their result.

What a codec needs beside its pictures differs between chips. The motion data here is that of the kernel's hantro
driver, which is documented there: H.264 64 bytes for each block of 16 x 16 samples and 32 more, HEVC one byte for 16
samples, VP9 16 bytes for each of the 64 blocks of a block of 64 x 64; AV1 is taken as VP9.
Source: hantro_h264_mv_size(), hantro_hevc_mv_size(), hantro_vp9_mv_size(), drivers/media/platform/verisilicon
(v6.12); formats: Documentation/userspace-api/media/v4l/pixfmt-*.rst.
"""

from __future__ import annotations

from carveout.values import NamedTuple

WIDTHS = {"720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
"""Visible samples of a picture, by what people call it."""


class Buffer(NamedTuple):
    """Buffers of one kind: how many, how large each, and the sum that says why."""

    what: str
    number: int
    size: int
    """Bytes of each."""
    sum: str
    """How the size comes about."""


class Format(NamedTuple):
    """How the samples of a picture lie in memory: bytes = width x height x numerator / denominator."""

    name: str
    numerator: int
    denominator: int


NV12 = Format("NV12", 3, 2)
"""4:2:0, 8 bits."""
P010 = Format("P010", 3, 1)
"""4:2:0, 10 bits in 16."""
NV15 = Format("NV15", 15, 8)
"""4:2:0, 10 bits without padding."""
XRGB = Format("XRGB8888", 4, 1)
RAW10 = Format("RAW10 packed", 5, 4)
"""A camera's samples, four in five bytes."""


def align_up(value: int, step: int) -> int:
    """Return the next multiple of step."""
    return -(-value // step) * step


def picture(
    what: str, count: int, size: tuple[int, int], form: Format, *, align: tuple[int, int] = (1, 1)
) -> Buffer:
    """Return picture buffers. align: what width and height are rounded up to, in samples."""
    width, height = align_up(size[0], align[0]), align_up(size[1], align[1])
    ratio = f"{form.numerator}/{form.denominator}" if form.denominator > 1 else str(form.numerator)
    return Buffer(
        what,
        count,
        width * height * form.numerator // form.denominator,
        f"{form.name}: {width} x {height} x {ratio}",
    )


def motion(count: int, size: tuple[int, int], codec: str) -> Buffer:
    """Return buffers for the motion data of reference pictures. codec: h264, hevc, vp9 or av1."""
    width, height = size
    if codec == "h264":
        blocks = align_up(width, 16) // 16, align_up(height, 16) // 16
        return Buffer(
            "motion data",
            count,
            64 * blocks[0] * blocks[1] + 32,
            f"64 x ({blocks[0]} x {blocks[1]} blocks) + 32",
        )
    if codec == "hevc":
        wide, high = align_up(width, 16), align_up(height, 16)
        return Buffer("motion data", count, wide * high // 16, f"{wide} x {high} / 16")
    blocks = align_up(width, 64) // 64, align_up(height, 64) // 64
    return Buffer(
        "motion data", count, 1024 * blocks[0] * blocks[1], f"16 x 64 x ({blocks[0]} x {blocks[1]} blocks)"
    )


def bitstream(count: int, size: tuple[int, int]) -> Buffer:
    """Return buffers for coded data: half of what the picture takes as NV12, for each."""
    return Buffer("bitstream", count, size[0] * size[1] * 3 // 4, f"{size[0]} x {size[1]} x 3/2 / 2")


def plain(what: str, count: int, size: int, text: str) -> Buffer:
    """Return buffers of a size that is no picture's."""
    return Buffer(what, count, size, text)
