# SPDX-License-Identifier: Apache-2.0
"""docs/rules and docs/messages are what the rules say; every rule of the binding's list is somewhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from carveout.check.binding_rules import BINDING_RULES, SUBJECTS
from carveout.check.not_covered import NOT_COVERED
from carveout.check.registry import all_rules

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


rule_docs = tool("rule_docs")
new_rule = tool("new_rule")


def test_documents_are_what_the_rules_say() -> None:
    assert rule_docs.differences(ROOT / "docs") == ([], [])


def test_a_difference_is_seen(tmp_path: Path) -> None:
    for name, text in rule_docs.files().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert rule_docs.differences(tmp_path) == ([], [])
    (tmp_path / "rules" / "CV101.md").write_text("another", encoding="utf-8")
    (tmp_path / "messages" / "overlap-detected.md").unlink()
    (tmp_path / "rules" / "CV000.md").write_text("left over", encoding="utf-8")
    wrong, left = rule_docs.differences(tmp_path)
    assert sorted(wrong) == ["messages/overlap-detected.md", "rules/CV101.md"]
    assert left == ["rules/CV000.md"]


def test_links_lead_somewhere() -> None:
    files = rule_docs.files()
    for name, text in files.items():
        folder = name.partition("/")[0]
        for target in re.findall(r"\]\(([^)]+\.md)\)", text):
            path = target.removeprefix("../") if target.startswith("../") else f"{folder}/{target}"
            assert path in files, f"{name}: {target}"


def test_every_rule_of_the_binding_is_covered_or_has_a_reason() -> None:
    covered = {name for rule in all_rules() for name in rule.covers}
    missing = set(BINDING_RULES) - covered - NOT_COVERED.keys()
    assert sorted(missing) == []


def test_no_reason_is_kept_for_what_is_covered() -> None:
    covered = {name for rule in all_rules() for name in rule.covers}
    assert sorted(NOT_COVERED.keys() & covered) == []
    assert sorted(NOT_COVERED.keys() - BINDING_RULES.keys()) == []
    assert all(len(reason) > 20 for reason in NOT_COVERED.values())


def test_list_of_the_binding_is_whole() -> None:
    assert len(BINDING_RULES) == 159
    assert {name[:2] for name in BINDING_RULES} == SUBJECTS.keys()


def test_new_rule_takes_the_next_code(tmp_path: Path) -> None:
    (tmp_path / "cv101_one.py").touch()
    (tmp_path / "cv104_four.py").touch()
    path = new_rule.make("region-too-blue", 1, tmp_path)
    assert path.name == "cv105_region_too_blue.py"
    assert new_rule.make("other-one", 2, tmp_path).name == "cv201_other_one.py"
    scope: dict[str, object] = {"__name__": "cv105"}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), scope)  # noqa: S102 our own template
    rule = scope["RULE"]
    assert getattr(rule, "code", None) == "CV105"
    assert getattr(rule, "slug", None) == "region-too-blue"


@pytest.mark.parametrize("slug", ["Region", "one", "region_overlap", "../etc", "four"])
def test_new_rule_refuses_a_bad_slug(slug: str, tmp_path: Path) -> None:
    (tmp_path / "cv104_four.py").touch()
    with pytest.raises(ValueError, match=r"slug|already"):
        new_rule.make(slug, 1, tmp_path)


def test_codes_of_a_hundred_run_out() -> None:
    with pytest.raises(ValueError, match="no code is left"):
        new_rule.next_code({199}, 1)
    assert new_rule.next_code({990, 991, 905}, 9) == 906
