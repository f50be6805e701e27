# SPDX-License-Identifier: Apache-2.0
"""Every rule is documented, finds something in its bad trees, and nothing in its good ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from carveout.board import read_board
from carveout.boot import Scene
from carveout.check.model import HEADINGS, Example, Rule
from carveout.check.registry import all_rules, documentation
from carveout.check.run import NamedScene, check_board
from carveout.span import Span
from support.dts import compile_example

if TYPE_CHECKING:
    from carveout.check.model import Finding

RULES = all_rules()
BAD = [pytest.param(rule, e, id=f"{rule.code}-{n}") for rule in RULES for n, e in enumerate(rule.bad)]
GOOD = [pytest.param(rule, e, id=f"{rule.code}-{n}") for rule in RULES for n, e in enumerate(rule.good)]


def findings(rule: Rule, example: Example) -> tuple[Finding, ...]:
    board = read_board(compile_example(example.dts, whole=example.whole))
    scene = Scene(
        kernel=example.kernel,
        arch=example.arch,
        page_size=example.page_size,
        cmdline=example.cmdline,
        kernel_image=Span.sized(*example.kernel_image) if example.kernel_image else None,
        dtb_at=example.dtb_at,
        memory=tuple(Span.sized(*bank) for bank in example.memory),
        initrd=Span.sized(*example.initrd) if example.initrd else None,
        efi=example.efi,
        efi_map=example.efi_map,
    )
    checked = check_board(board, [NamedScene("scene", scene)], [rule], file="example.dtb")
    assert checked.refused == ()
    return checked.findings


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_bad_tree_is_found(rule: Rule, example: Example) -> None:
    assert [finding.code for finding in findings(rule, example)]


@pytest.mark.parametrize(("rule", "example"), GOOD)
def test_good_tree_is_left_alone(rule: Rule, example: Example) -> None:
    assert [finding.message for finding in findings(rule, example)] == []


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.code) for rule in RULES])
def test_rule_is_complete(rule: Rule) -> None:
    text = documentation(rule)
    found = [
        line
        for line, below in zip(text.splitlines(), text.splitlines()[1:], strict=False)
        if set(below) == {"-"}
    ]
    assert tuple(found) == HEADINGS
    assert re.fullmatch(r"CV\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.slug)
    assert bool(rule.bad) is bool(rule.good) is not rule.is_about_run
    assert [rule.board is None, rule.boot is None].count(True) == (2 if rule.is_about_run else 1)
    assert all(re.fullmatch(r"(ST|AD|PL|SH|CO|LX|LG|FW)\d\d|corpus-[a-z0-9-]+", name) for name in rule.covers)


def test_rules_are_there() -> None:
    assert RULES
