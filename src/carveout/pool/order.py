# SPDX-License-Identifier: Apache-2.0
"""Sizes in pages and orders, as the kernel computes them."""

from __future__ import annotations


def page_count(size: int, page_size: int) -> int:
    """Return how many pages hold `size` bytes."""
    return -(-size // page_size)


def get_order(size: int, page_size: int) -> int:
    """Return the order of the smallest power of two of pages that holds `size` bytes; 0 for none.

    Source: get_order(), include/asm-generic/getorder.h.
    """
    return max(page_count(size, page_size) - 1, 0).bit_length()
