# SPDX-License-Identifier: Apache-2.0
"""Colours of pictures and pages: text can be read on its ground, kinds differ in grey, in both schemes."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from carveout.report.svg_style import LEGEND, STYLE

ASSETS = Path(__file__).resolve().parents[3] / "src/carveout/report/html/assets"
CSS = (ASSETS / "style.css").read_text(encoding="utf-8")

RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
TEXTS = ("text", "sub", "tick", "muted", "alert", "bad", "inside", "edge")


def channels(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def luminance(colour: str) -> float:
    """Relative luminance. Source: WCAG 2.2."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def grey(colour: str) -> float:
    """How light a filter for grey makes a colour, 0 to 255. Source: Filter Effects 1, grayscale()."""
    red, green, blue = channels(colour)
    return 255 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)


def fills(scheme: str) -> dict[str, str]:
    """Return the fill of every class in a scheme."""
    light, dark = STYLE.split("@media (prefers-color-scheme:dark){")
    found: dict[str, str] = {}
    for part in (light, dark)[: 1 if scheme == "light" else 2]:
        for selectors, body in RULE.findall(part.partition("<style>")[2] or part):
            fill = re.search(r"(?:^|;)fill:(#[0-9a-f]{6})", body.strip())
            for selector in selectors.strip().split(","):
                if fill:
                    found[selector.strip().removeprefix(".")] = fill[1]
    return found


def variables(scheme: str) -> dict[str, str]:
    """Return the colours that a page's style names."""
    light, dark = re.findall(r":root\{([^}]*)\}", CSS)[:2]
    found = dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6})", light))
    return found if scheme == "light" else found | dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6})", dark))


both_schemes = pytest.mark.parametrize("scheme", ["light", "dark"])


@both_schemes
@pytest.mark.parametrize("name", TEXTS)
def test_text_of_pictures_can_be_read(scheme: str, name: str) -> None:
    found = fills(scheme)
    ground = found["k-free"] if name == "inside" else found["bg"]
    assert contrast(found[name], ground) >= 4.5


@both_schemes
def test_the_banner_can_be_read(scheme: str) -> None:
    found = fills(scheme)
    assert contrast(found["banner-text"], found["banner"]) >= 4.5


@both_schemes
def test_text_of_pages_can_be_read(scheme: str) -> None:
    found = variables(scheme)
    for text, ground in [
        *((text, ground) for text in ("fg", "soft", "accent", "bad", "good") for ground in ("bg", "panel")),
        ("bad", "bad-bg"),
        *((text, "hot") for text in ("fg", "soft", "bad", "accent")),
    ]:
        assert contrast(found[text], found[ground]) >= 4.5, (text, ground)


@both_schemes
def test_no_two_kinds_have_the_same_grey(scheme: str) -> None:
    shades = sorted(grey(fills(scheme)[kind]) for kind in LEGEND)
    assert all(high - low >= 18 for low, high in pairwise(shades)), shades


# How the world looks without one kind of cone, in linear light. Source: Machado, Oliveira, Fernandes 2009, severity 1.
MISSING_CONES = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}  # fmt: skip


@both_schemes
@pytest.mark.parametrize("kind", MISSING_CONES)
def test_kinds_differ_for_who_sees_fewer_colours(scheme: str, kind: str) -> None:
    found = fills(scheme)

    def seen(colour: str) -> tuple[float, ...]:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
        mixed = (sum(a * b for a, b in zip(row, linear, strict=True)) for row in MISSING_CONES[kind])
        return tuple(255 * min(max(value, 0), 1) ** (1 / 2.2) for value in mixed)

    for one, other in combinations(LEGEND, 2):
        distance = sum((a - b) ** 2 for a, b in zip(seen(found[one]), seen(found[other]), strict=True)) ** 0.5
        assert distance >= 30, (one, other, distance)
