# SPDX-License-Identifier: Apache-2.0
"""The page of a map: closed in itself, escaped, the same bytes each time, and everything also in tables."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from carveout.boot.result import BootOutcome
from carveout.check.model import Finding, Severity
from carveout.report.html.map_page import View, render_map_page
from carveout.report.html.marks import Marks
from carveout.report.layout import SpanKind, lay_out
from support import boots_by_hand as by_hand
from support.boards import RAM, boot_regions, cells, mib, node, region

if TYPE_CHECKING:
    from carveout.boot.result import Boot

BOOTS = {
    "one": by_hand.one_gigabyte(),
    "two": by_hand.two_banks(),
    "unknown": by_hand.ram_unknown(),
    "panics": by_hand.panics(),
    "hostile": by_hand.hostile(),
    "sixty": by_hand.many(60),
    "empty": by_hand.boot([], [], ram_known=False),
}
every_boot = pytest.mark.parametrize("boot", [pytest.param(boot, id=name) for name, boot in BOOTS.items()])

VOID = {"meta", "input", "link", "br", "img", "hr"}


class Elements(HTMLParser):
    """Every element with its attributes; complains when they do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.setdefault(self.open[-1] if self.open else "", []).append(data)


def elements(page: str) -> Elements:
    parser = Elements()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def page_of(*boots: Boot) -> str:
    return render_map_page([View(f"scene {n}", boot) for n, boot in enumerate(boots)], title="board.dtb")


@every_boot
def test_well_formed_and_closed_in_itself(boot: Boot) -> None:
    page = page_of(boot)
    found = elements(page).found
    assert page.startswith("<!DOCTYPE html>")
    for tag, attributes in found:
        assert not {"src", "action", "onclick", "onload", "onerror", "style", "srcdoc"} & attributes.keys()
        assert (attributes.get("href") or "#").startswith("#")
        assert tag not in ("img", "iframe", "object", "embed", "link", "base", "form")
    assert [tag for tag, _ in found].count("script") == 2
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


@every_boot
def test_the_same_bytes_each_time(boot: Boot) -> None:
    assert page_of(boot) == page_of(boot)


def test_the_policy_names_the_one_script_and_the_one_style() -> None:
    import base64
    import hashlib

    page = page_of(BOOTS["one"])
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    style = page.partition("<style>")[2].partition("</style>")[0]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    for text in (script, style):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy.group(1)
    assert "unsafe" not in policy.group(1)
    assert policy.group(1).startswith("default-src 'none'")


HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a&amp;b'c",
    "x" * 10_000,
    "\u202eevil",
    "\x1b[31m",
    "{{ 7 * 7 }}",
    "--><!--",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_from_a_tree_are_text(name: str) -> None:
    regions = [by_hand.region(name, 0x5000_0000, mib(1)), by_hand.region("plain", 0x6000_0000, mib(1))]
    boot = by_hand.boot([RAM], regions)
    page = render_map_page([View(name, boot), View("other", boot)], title=name)
    found = elements(page)
    assert [tag for tag, _ in found.found].count("script") == 2
    assert not [tag for tag, _ in found.found if tag == "img"]
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "x" * 3000 not in page
    assert "7 * 7" in page or name != HOSTILE[6]
    data = next(text for text in found.text["script"] if text.startswith("["))
    assert len(json.loads(data)) == 2


def regions_boot() -> Boot:
    return boot_regions(
        "6.12",
        region("vpu", "reusable", compatible="shared-dma-pool", size=mib(64), phandle=1),
        region("dsp@50000000", "no-map", reg=[(0x5000_0000, mib(1))]),
        region("too-large", size=mib(4000)),
        others=[node("codec", {"memory-region": cells(1)})],
        reserve=[(0x4F00_0000, 0x1000)],
    )


def test_every_row_knows_when_it_appears() -> None:
    boot = regions_boot()
    layout = lay_out(boot)
    marks = Marks(boot, layout)
    for number, row in enumerate(layout.spans):
        if row.kind in (SpanKind.FREE, SpanKind.HOLE):
            assert f"r{number}" not in marks.appears
            continue
        step = boot.trace[marks.appears[f"r{number}"]]
        assert step.base is not None
        assert row.span.start <= step.base < row.span.end
    failed = boot.trace[marks.appears["f0"]]
    assert (failed.kind, failed.subject) == ("fail", "/reserved-memory/too-large")


def test_lines_and_steps_lead_to_the_rows_they_speak_of() -> None:
    boot = regions_boot()
    layout = lay_out(boot)
    marks = Marks(boot, layout)
    rows = {row.label: f"r{number}" for number, row in enumerate(layout.spans)}
    led = {line.text: marks.of_line(line) for line in boot.log_lines}
    assert {mark for text, mark in led.items() if "vpu" in text} == {rows["vpu"]}
    assert {mark for text, mark in led.items() if "too-large" in text} == {"f0"}
    assert {mark for text, mark in led.items() if text.startswith("cma: Reserved")} == {
        rows["default CMA area"]
    }
    steps = [marks.of_step(step) for step in boot.trace if step.subject == "memreserve"]
    assert steps == [rows["/memreserve/"]]


def test_tables_say_what_the_picture_shows() -> None:
    boot = regions_boot()
    found = elements(page_of(boot))
    cells_of = "".join(text for tag in ("td", "th", "button") for text in found.text[tag])
    for row in lay_out(boot).spans:
        assert row.label in cells_of
        assert f"0x{row.span.start:08x}..0x{row.span.end - 1:08x}" in cells_of
    for line in boot.log_lines:
        assert line.text in cells_of + "".join(found.text["li"])
    assert "/codec" in cells_of
    assert "no free range holds" in cells_of


def test_a_boot_that_dies_says_so_first() -> None:
    boot = BOOTS["panics"]
    assert boot.outcome is BootOutcome.PANIC
    page = page_of(boot)
    assert page.index('class="verdict"') < page.index("<figure")


def test_findings_come_worst_first() -> None:
    findings = [
        Finding(code=code, slug="a", severity=severity, path="/", message=code, file="board.dtb")
        for code, severity in (("CV901", Severity.NOTE), ("CV101", Severity.ERROR), ("CV201", Severity.WARNING),
                               ("CV102", Severity.ERROR))
    ]  # fmt: skip
    page = render_map_page([View("6.12", BOOTS["one"])], title="board.dtb", findings=findings)
    assert re.findall(r"<strong>\w+ (CV\d+)", page) == ["CV101", "CV102", "CV201", "CV901"]


def test_numbers_of_another_scene_are_said_to_be() -> None:
    finding = Finding(code="CV101", slug="a", severity=Severity.ERROR, path="/", message="3 MiB too much",
                      file="board.dtb", scenes=("6.12", "7.2"), said_of="7.2")  # fmt: skip
    boot = BOOTS["one"]
    page = render_map_page([View("6.12", boot), View("7.2", boot)], title="board.dtb", findings=[finding])
    first, second = page.split('data-scene="1"')
    assert "3 MiB too much (in 7.2)" in first
    assert "3 MiB too much" in second
    assert "(in 7.2)" not in second


def test_size() -> None:
    assert len(page_of(by_hand.many(50))) < 2 << 20
