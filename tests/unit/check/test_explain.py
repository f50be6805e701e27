# SPDX-License-Identifier: Apache-2.0
"""Every message of the kernel has a page, and the page is found by what people paste."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from carveout.boot.messages import MESSAGES
from carveout.check.binding_rules import BINDING_RULES
from carveout.check.explain import all_pages, find, page_texts
from carveout.check.model import Rule
from carveout.report.explain_text import message_page, render_topic

if TYPE_CHECKING:
    from carveout.check.page import Page

PAGES = all_pages()
EXAMPLES = {
    "prefix": "OF: reserved mem: ", "name": "linux,cma", "base": "0x000000007c000000", "mib": 64, "kib": 1024,
    "last": "0x7fffffff", "start": 0x1000, "end": 0x2000, "nomap": "nomap", "reusable": "non-reusable",
    "size": 0x1000, "limit": 0x4000, "align": "0x400000", "error": -12, "nid": 1, "index": 3, "count": 2,
    "compatible": "shared-dma-pool", "other": "b", "other_base": "0x1", "other_end": "0x2", "each": 5,
    "pages": 512, "runs": "5@3+7@100", "free": 12, "total": 16384,
    "boundary": "0x3", "function": "dma_numa_cma_reserve", "page": 4096, "base_mib": 512, "ram_mib": 4096,
    "char": ",",
}  # fmt: skip


def as_printed(key: str) -> str:
    text = MESSAGES[key].text
    fields = set(re.findall(r"\{(\w+)", text))
    values = {name: EXAMPLES[name] for name in fields}
    # A placeholder with a number format gets a number.
    for name in re.findall(r"\{(\w+):", text):
        values[name] = 0x1000
    return text.format(**values)


def slug_of(text: str) -> str | None:
    topic = find(text).topic
    return topic.slug if topic is not None else None


def test_every_message_has_exactly_one_page() -> None:
    keys = [key for page in PAGES for key in page.keys]
    assert sorted(keys) == sorted(MESSAGES)


@pytest.mark.parametrize("key", MESSAGES)
def test_a_line_of_a_log_finds_its_page(key: str) -> None:
    expected = next(page.slug for page in PAGES if key in page.keys)
    for line in as_printed(key).split("\n"):
        if len(line) > 20:
            assert slug_of(f"[    0.000000] {line}") == expected
            assert slug_of(f"Nov 24 10:00:00 board kernel: <3>[    0.012345][    T0] {line}") == expected


@pytest.mark.parametrize("page", PAGES, ids=[page.slug for page in PAGES])
def test_page_is_complete(page: Page) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", page.slug)
    assert page.keys or page.texts
    assert page.meaning.endswith(".")
    assert page.kernels
    assert page.causes
    assert page.cures
    assert page.source
    assert set(page.covers) <= BINDING_RULES.keys()
    assert slug_of(page.title) == page.slug
    assert slug_of(page.slug) == page.slug
    text = message_page(page)
    assert f"# {page.title}\n" in text
    assert all(len(line) <= 160 for line in text.split("\n"))


def test_slugs_are_unique() -> None:
    assert len({page.slug for page in PAGES}) == len(PAGES)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("failed to allocate memory for node", "failed-to-allocate"),
        ("failed to reserve memory", "failed-to-reserve"),
        ("OVERLAP DETECTED", "overlap-detected"),
        ("cma_alloc: alloc failed, req-size: 2025 pages, ret: -12", "cma-alloc-failed"),
        ("cma: __cma_alloc: linux,cma: alloc failed, req-size: 512 pages, ret: -16", "cma-alloc-failed"),
        ("vpu 38300000.vpu: unable to acquire memory-region", "driver-gets-no-region"),
        ("memory for node failed to allocate", "failed-to-allocate"),
        ("cma: Failed to reserve 64 MiB", "cma-failed-to-reserve"),
        ("dma_numa_cma_reserve: reservation failed: err -12, node 1", "cma-per-node-failed"),
        ("Reserved 256 MiB in 2 range(s)", "cma-reserved"),
        ("Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b", "attempted-to-kill-init"),
        ("cv101", "region-overlap"),
        ("region_overlap", "region-overlap"),
    ],
)  # fmt: skip
def test_a_part_is_enough(text: str, slug: str) -> None:
    assert slug_of(text) == slug


@pytest.mark.parametrize("text", ["hello world", "", "the", "0x50000000", "CV999", "memory"])
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    answer = find(text)
    assert answer.topic is None or text in page_texts(PAGES[0])


def test_near_names_are_offered() -> None:
    assert "region-overlap" in find("region-overlpa").near
    assert "failed-to-allocate" in find("why can it not allocate anything for my node").near


def test_rule_page_has_example_and_headings() -> None:
    topic = find("CV101").topic
    assert isinstance(topic, Rule)
    text = render_topic(topic)
    assert text.startswith("# CV101 region-overlap\n\nerror: two static regions share addresses.\n")
    assert "## Kernel behaviour\n" in text
    assert "modem@46000000 { reg" in text
    assert "OVERLAP DETECTED!" in text


@pytest.mark.parametrize(
    ("line", "slug"),
    [
        ("alloc_contig_range: [2f200, 2f300) PFNs busy", "pfns-busy"),
        ("ERROR: reserving fdt memory region failed (addr=98000000 size=4000000)", "loader-reserving-failed"),
        (
            "ERROR: reserving fdt memory region failed (addr=ff700000 size=8ca000 flags=4)",
            "loader-reserving-failed",
        ),
        ("remoteproc remoteproc0: bad phdr da 0x1fff0000 mem 0x5000", "bad-phdr"),
    ],
)
def test_lines_of_others_that_people_search_for(line: str, slug: str) -> None:
    # From the threads anholt/linux 76, openbmc 3871, meta-lmp 1184 and an NXP forum's about i.MX7.
    found = find(line)
    assert found.topic is not None
    assert found.topic.slug == slug
