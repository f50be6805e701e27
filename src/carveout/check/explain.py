# SPDX-License-Identifier: Apache-2.0
"""Which page explains a text: a rule's code or slug, or a message of the kernel, whole or in part."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import carveout.check.messages as package
from carveout.boot.messages import MESSAGES
from carveout.check.model import Rule
from carveout.check.page import Page
from carveout.check.registry import all_rules, find_rule
from carveout.values import NamedTuple

Topic = Rule | Page

_FIELD = re.compile(r"\{[^}]*\}")
# What stands before a message: priority, time stamp, thread or CPU, `kernel:` of a syslog line.
_LOG_HEAD = re.compile(
    r"^(?:.*?\bkernel: )?(?:<\d+>)?\s*(?:\[\s*\d+\.\d+\]\s*)?(?:\[\s*[TC]\d+\]\s*)?", re.IGNORECASE
)
_WORD = re.compile(r"[a-z][a-z_-]+|#[a-z-]+")
_ENOUGH = 0.6
"""The part of the words asked for that a message must have to be the one that is meant."""


class Answer(NamedTuple):
    """The page for a text, or the nearest ones."""

    topic: Topic | None
    near: tuple[str, ...] = ()
    """Codes, slugs and titles that come close, when there is no page."""


@cache
def all_pages() -> tuple[Page, ...]:
    """Return every page about a message, by subject."""
    modules = sorted(info.name for info in iter_modules(package.__path__))
    pages: list[Page] = []
    for module in modules:
        pages += import_module(f"{package.__name__}.{module}").PAGES
    return tuple(pages)


def page_texts(page: Page) -> tuple[str, ...]:
    """Return the texts of a page's messages, `{name}` where something varies, each once."""
    texts = [MESSAGES[key].text.replace("{prefix}", "") for key in page.keys] + list(page.texts)
    return tuple(dict.fromkeys(texts))


def page_rules(page: Page) -> tuple[Rule, ...]:
    """Return the rules that see a message coming."""
    return tuple(rule for rule in all_rules() if set(rule.covers) & set(page.covers))


def rule_pages(rule: Rule) -> tuple[Page, ...]:
    """Return the pages of messages that a rule sees coming."""
    return tuple(page for page in all_pages() if set(page.covers) & set(rule.covers))


def find(text: str) -> Answer:
    """Return the page that a text asks for."""
    asked = " ".join(text.split())
    rule = find_rule(asked)
    if rule is not None:
        return Answer(rule)
    for page in all_pages():
        if asked.lower().replace("_", "-") == page.slug:
            return Answer(page)
    message = _LOG_HEAD.sub("", asked) or asked
    page_found = _by_template(message) or _by_part(message) or _by_words(message)
    return Answer(page_found) if page_found else Answer(None, _near(asked))


def _by_template(message: str) -> Page | None:
    # The message as a whole, or with something around it. The template with the most fixed text wins.
    best: tuple[int, Page] | None = None
    for page in all_pages():
        for text in page_texts(page):
            for line in text.split("\n"):
                weight = len(_FIELD.sub("", line))
                if _pattern(line).search(message) and (best is None or weight > best[0]):
                    best = weight, page
    return best[1] if best else None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = [re.escape(" ".join(part.split())) for part in _FIELD.split(template)]
    # Spaces at the edge of a part stand between it and what varies.
    return re.compile(r"\s*\S.*?\s*".join(parts), re.IGNORECASE)


def _by_part(message: str) -> Page | None:
    # A piece of a message's fixed text, or of a title: what people copy out of a log.
    wanted = message.lower().strip(" .:'\"")
    if len(wanted) < 6:
        return None
    hits = [
        (len(text), page)
        for page in all_pages()
        for text in (page.title, *page_texts(page))
        if wanted in _FIELD.sub("", text).lower() or wanted in text.lower()
    ]
    if " " not in wanted and len({page.slug for _, page in hits}) > 1:
        return None  # one word that many messages have says nothing
    return min(hits, key=lambda hit: hit[0])[1] if hits else None


def _by_words(message: str) -> Page | None:
    asked = set(_WORD.findall(message.lower()))
    if len(asked) < 2:
        return None
    ranked = sorted(((_likeness(asked, page), page.slug, page) for page in all_pages()), reverse=True)
    return ranked[0][2] if ranked and ranked[0][0] >= _ENOUGH else None


def _likeness(asked: set[str], page: Page) -> float:
    # Shared words, against the larger set: neither a long question nor a long message wins by its length.
    best = 0.0
    for text in (page.title, *page_texts(page)):
        words = set(_WORD.findall(_FIELD.sub("", text).lower()))
        best = max(best, len(asked & words) / max(len(asked), len(words), 1))
    return best


def _near(text: str) -> tuple[str, ...]:
    from difflib import get_close_matches

    wanted = text.lower().replace("_", "-")
    names = [name for rule in all_rules() for name in (rule.code.lower(), rule.slug)]
    names += [page.slug for page in all_pages()]
    near = get_close_matches(wanted, names, n=3, cutoff=0.5)
    asked = set(_WORD.findall(text.lower()))
    ranked = sorted(all_pages(), key=lambda page: (-_likeness(asked, page), page.slug))
    titles = [page.slug for page in ranked[:3] if _likeness(asked, page) > 0]
    return tuple(dict.fromkeys([name.upper() if name[:2] == "cv" else name for name in near] + titles))[:5]
