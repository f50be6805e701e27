# SPDX-License-Identifier: Apache-2.0
"""Identifiers made from node names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carveout.report.export.names import identifiers, is_prefix


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["dsp-image@5a000000"], ["rmem_dsp_image"], id="unit-address-dropped"),
        pytest.param(["linux,cma"], ["rmem_linux_cma"], id="comma"),
        pytest.param(["a@1", "a@2"], ["rmem_a_1", "rmem_a_2"], id="told-apart-by-address"),
        pytest.param(["a-b", "a_b"], ["rmem_a_b", "rmem_a_b_2"], id="told-apart-by-number"),
        pytest.param(["a-b", "a_b", "a-b-2"], ["rmem_a_b", "rmem_a_b_3", "rmem_a_b_2"], id="number-is-taken"),
        pytest.param(["***"], ["rmem_region"], id="nothing-left"),
        pytest.param(["\N{SNOWMAN}"], ["rmem_region"], id="not-ascii"),
    ],
)
def test_identifiers(names: list[str], expected: list[str]) -> None:
    assert list(identifiers([(name, "") for name in names], prefix="rmem")) == expected


def test_without_a_prefix_digits_and_words_of_the_linker_are_no_names() -> None:
    found = identifiers([("0a@1", ""), ("memory@2", ""), ("x@3", "_part1")], prefix="")
    assert found == ("r0a", "memory_mem", "x_part1")


@given(st.lists(st.tuples(st.text(max_size=60), st.sampled_from(["", "_part1"])), max_size=12), st.booleans())
def test_identifiers_are_words_and_unique(names: list[tuple[str, str]], with_prefix: bool) -> None:
    found = identifiers(names, prefix="rmem" if with_prefix else "")
    assert len(found) == len(names) == len(set(found))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in found)


@pytest.mark.parametrize(
    ("prefix", "good"),
    [("", True), ("board", True), ("a_1", True), ("1a", False), ("a b", False), ("a" * 40, False)],
)
def test_prefixes(prefix: str, good: bool) -> None:
    assert is_prefix(prefix) is good
