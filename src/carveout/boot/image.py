# SPDX-License-Identifier: Apache-2.0
"""What a kernel reserves for itself, from where its image was loaded and how large it is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.span import KIB, Span

if TYPE_CHECKING:
    from carveout.kernel.profile import Profile

# From _text to _stext: the head of an arm64 image, which a kernel that reserves from _stext leaves free.
_TEXT_TO_STEXT = 64 * KIB


def image_span(profile: Profile, at: int, size: int) -> Span:
    """Return the addresses that the kernel reserves for an image loaded at `at`.

    at, size: bytes; size is image_size of the header, that is `_end - _text`.
    Source: kernel-semantics 1.2 (5.10 and from 6.12: [_text, _end); 6.1: [_stext, _end)).
    """
    begin = _TEXT_TO_STEXT if profile.behaviour.arm64_kernel_start == "_stext" else 0
    return Span(at + min(begin, size), at + size)
