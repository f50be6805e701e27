# SPDX-License-Identifier: Apache-2.0
"""Findings as JSON and as SARIF, the latter against its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from carveout.check.allow import Allowed
from carveout.check.model import Finding, Severity
from carveout.check.result import BoardResult, Totals
from carveout.report.findings_json import JsonReport, SarifReport

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = Path(__file__).parents[2] / "data" / "sarif" / "sarif-2.1.0-rtm.5.json"

BLOB = Finding(
    code="CV101",
    slug="region-overlap",
    severity=Severity.ERROR,
    path="/reserved-memory/a@1000",
    message="shares 0x10 bytes",
    file="boards/a b.dtb",
    prop="reg",
    fix="move it",
    related=("/reserved-memory/b@1010",),
    scenes=("6.1", "7.2 16K"),
)
SOURCE = BLOB._replace(file="a.dts", source=("inc/soc.dtsi", 3, 2, 4, 9), severity=Severity.NOTE, fix=None)
ODD = BLOB._replace(path="/reserved-memory/\udcff\x1b", message="name \udcfe", prop=None, code="CV990")
RESULTS = (
    BoardResult("boards/a b.dtb", (BLOB, ODD)),
    BoardResult("clean.dtb", ()),
    BoardResult("a.dts", (SOURCE,), (Allowed(SOURCE, "one firmware", is_in_source=True),)),
)


def render(report: JsonReport | SarifReport, *unreadable: str) -> Any:
    totals = Totals()
    totals.unreadable += unreadable
    text = report.begin() + "".join(report.board(result) for result in RESULTS) + report.end(totals)
    assert text.isascii()
    return json.loads(text)


def validate(log: Any) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft4Validator(schema).validate(log)


def test_json_rows() -> None:
    first, odd, source = render(JsonReport())
    assert first == {
        "code": "CV101",
        "slug": "region-overlap",
        "severity": "error",
        "path": "/reserved-memory/a@1000",
        "property": "reg",
        "file": None,
        "line": None,
        "column": None,
        "message": "shares 0x10 bytes",
        "fix": "move it",
        "kernels": ["6.1", "7.2 16K"],
        "said_of": None,
        "board": "boards/a b.dtb",
        "related": ["/reserved-memory/b@1010"],
    }
    assert (source["file"], source["line"], source["column"]) == ("inc/soc.dtsi", 3, 2)
    assert odd["path"] == "/reserved-memory/\\udcff\x1b"


def test_empty_runs_are_valid() -> None:
    assert json.loads(JsonReport().begin() + JsonReport().end(Totals())) == []
    report = SarifReport(version="1.0")
    log = json.loads(report.begin() + report.end(Totals()))
    validate(log)
    assert log["runs"][0]["results"] == []


def test_sarif_is_valid() -> None:
    log = render(SarifReport(version="1.2.3"), "gone.dtb: cannot be read")
    validate(log)
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["CV101", "CV990"]
    assert [result["ruleIndex"] for result in run["results"]] == [0, 1, 0, 0]
    assert [result["level"] for result in run["results"]] == ["error", "error", "note", "note"]
    assert run["invocations"][0]["executionSuccessful"] is False
    first, _, source, allowed = run["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "boards/a%20b.dtb"}}
    assert source["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 3,
        "startColumn": 2,
        "endLine": 4,
        "endColumn": 9,
    }
    assert "suppressions" not in source
    assert allowed["suppressions"] == [{"kind": "inSource", "justification": "one firmware"}]


def test_the_schema_finds_faults() -> None:
    log = render(SarifReport(version="1.2.3"))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        validate(log)
