# SPDX-License-Identifier: Apache-2.0
"""Text from a tree is made harmless, and lines fit."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carveout.report.terminal import Terminal, bar, wrap
from carveout.report.words import errno_name, fit, row_size, safe, shorten


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("vpu@50000000", "vpu@50000000"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\r\t\0", "a\\x0ab\\x0d\\x09\\x00"),
        ("a\u202eb\u200f", "a\\u202eb\\u200f"),
        ("\x9b31m", "\\x9b31m"),
        ("e\u0301", "e\\u0301"),
        ("\udc80", "\\udc80"),
        ("\U000e0041", "\\U000e0041"),
        ("Größe", "Größe"),
        ("a\u05d0(1)\u0627", "a\\u05d0(1)\\u0627"),
    ],
)
def test_names_are_made_safe(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (4 << 20, "4 MiB"),
        (91200 << 10, "91200 KiB"),
        (4517, "~4.4 KiB"),
        (15_926 * 1024 + 256, "~15.6 MiB"),  # 15926.25 KiB is exact, and no number to read
        (0xFF07_2700, "~4.0 GiB"),
    ],
)
def test_sizes_of_a_table_are_exact_where_that_can_be_read(size: int, shown: str) -> None:
    assert row_size(size) == shown


def test_ascii_only_escapes_all_else() -> None:
    assert safe("Größe", ascii_only=True) == "Gr\\xf6\\xdfe"
    assert shorten("abcdefghij", 8, ascii_only=True) == "abc...ij"


@given(st.text(), st.booleans())
def test_safe_text_is_printable(text: str, ascii_only: bool) -> None:
    shown = safe(text, ascii_only=ascii_only)
    assert shown.isprintable()
    assert not any(unicodedata.bidirectional(char) in {"R", "AL", "AN"} for char in shown)
    assert shown.isascii() or not ascii_only


@given(st.text(max_size=2000), st.integers(1, 100), st.booleans())
def test_fitted_text_fits(text: str, width: int, ascii_only: bool) -> None:
    assert len(fit(text, width, ascii_only=ascii_only)) <= width


@given(st.text(alphabet="ab c/", max_size=300), st.integers(8, 60))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_path_is_broken_before_a_part_of_it() -> None:
    lines = wrap("used by /bus@100000/bus@28380000/r5fss@41000000/r5f@41000000", 40)
    assert lines == ["used by /bus@100000/bus@28380000", "/r5fss@41000000/r5f@41000000"]


def test_a_bar_is_proportional_and_never_nothing() -> None:
    assert bar(50, 100, 10, unicode=False) == "#####"
    assert bar(1, 10**9, 10, unicode=False) == "#"
    assert bar(1, 10**9, 10, unicode=True) == "\N{LEFT ONE EIGHTH BLOCK}"
    assert bar(100, 100, 10, unicode=True) == "\N{FULL BLOCK}" * 10
    assert bar(0, 100, 10, unicode=True) == ""


def test_colour_only_where_wanted() -> None:
    assert Terminal(colour=False).paint("error", "x") == "x"
    assert Terminal(colour=True).paint("error", "x") == "\x1b[1;31mx\x1b[0m"
    assert Terminal(colour=True).paint("", "x") == "x"


def test_errno_is_named_as_linux_does() -> None:
    assert errno_name(22) == "-22 (EINVAL)"
    assert errno_name(517) == "-517 (EPROBE_DEFER)"
    assert errno_name(4000) == "-4000"
