# SPDX-License-Identifier: Apache-2.0
"""What a kernel reserves for itself, from where its image lies and how large it is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.span import KIB, MIB, Span, round_up
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.kernel.profile import Profile

# From _text to _stext: the head of an arm64 image, which a kernel that reserves from _stext leaves free.
_TEXT_TO_STEXT = 64 * KIB


class _Rounding(NamedTuple):
    # To what the start and the end of what is reserved are rounded up. 0: to whole pages.
    start: int = 1
    end: int = 1


# arm reserves from _stext, which begins a 1 MiB section; riscv whole 2 MiB blocks; powerpc whole pages.
_ROUNDING = {"arm": _Rounding(start=MIB), "riscv64": _Rounding(end=2 * MIB), "powerpc64": _Rounding(end=0)}


def image_span(profile: Profile, at: int, size: int) -> Span:
    """Return the addresses that the kernel reserves for an image that lies at `at`.

    at, size: bytes; size is `_end - _text`, as kernel.image.ImageInfo.image_size has it. at: where the image runs,
    which for arm is where the zImage unpacks it (unpacked_at) and for powerpc64 where it moves itself, mostly 0.
    Source: kernel-semantics 1.2 (5.10 and from 6.12: [_text, _end); 6.1: [_stext, _end)), 1.3, 1.4, 1.5; the
    recorded boots (boot.kernel_image beside the headers of the kernels).
    """
    if profile.arch == "arm64":
        begin = _TEXT_TO_STEXT if profile.behaviour.arm64_kernel_start == "_stext" else 0
        return Span(at + min(begin, size), at + size)
    rounding = _ROUNDING[profile.arch]
    end = round_up(at + size, rounding.end or profile.config.page_size)
    return Span(min(round_up(at, rounding.start), end), end)


def unpacked_at(load: int, text_offset: int) -> int:
    """Return where an arm zImage puts the kernel: text_offset above the 128 MiB border below it.

    load: where the zImage lies. Source: arch/arm/boot/compressed/head.S (AUTO_ZRELADDR); the recorded boots.
    """
    return load - load % (128 * MIB) + text_offset
