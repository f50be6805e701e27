# SPDX-License-Identifier: Apache-2.0
"""The parts of the text map around its table: heading, totals, failures, assumptions, scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness, Outcome
from carveout.report.terminal import wrap
from carveout.report.words import (
    consumer_use,
    errno_name,
    exactness_text,
    fit,
    hole_text,
    outcome_text,
    region_device,
    request,
    safe,
    scene_line,
    verdict,
)
from carveout.span import Span
from carveout.units import format_range, format_size, format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.boot.result import Boot, ConsumerResult, PlacedRegion
    from carveout.report.layout import Layout
    from carveout.report.terminal import Terminal

# Paths this long do not occur; a hostile tree has them.
_MAX_PATH = 160

_MEMORY_UNKNOWN = "RAM: unknown, pass --memory SIZE@BASE (for example --memory 1G@0x40000000)"


def before_map(boot: Boot, layout: Layout, *, title: str, terminal: Terminal) -> list[str]:
    """Return what comes first: what was simulated, whether it survives, and the sums."""
    ascii_only = terminal.ascii_only
    lines = [terminal.paint("heading", fit(title, terminal.width, ascii_only=ascii_only))]
    lines.append(fit(f"{scene_line(boot)}: {exactness_text(boot)}", terminal.width, ascii_only=ascii_only))
    bad = verdict(boot)
    if bad is not None:
        lines += ["", *_painted(terminal, "error", safe(bad, ascii_only=ascii_only), "")]
    lines.append("")
    lines += _totals(layout, terminal)
    return lines


def after_map(boot: Boot, layout: Layout, *, terminal: Terminal, show_all: bool) -> list[str]:
    """Return what comes below the table, the worst first."""
    lines: list[str] = []
    marks = {row.exactness for row in layout.spans} - {Exactness.EXACT}
    if Exactness.MODELLED in marks:
        lines += _wrapped(
            terminal, "* modelled: depends on something the scene does not say; see the notes.", ""
        )
    if Exactness.UNKNOWN in marks:
        lines += _wrapped(terminal, "? unknown: the notes name the option that settles it.", "")
    if lines:
        lines.append("")
    unknown = [region for region in layout.failed if region.outcome is Outcome.UNKNOWN]
    refused = [region for region in layout.failed if region.outcome is not Outcome.UNKNOWN]
    lines += _regions("Not placed", "error", refused, layout, terminal)
    lines += _regions("Place not known", "warning", unknown, layout, terminal)
    lines += _regions("Released or ignored", "warning", layout.dropped, layout, terminal)
    lines += _consumers(layout.failing, boot, terminal, show_all=show_all)
    lines += _iommu(boot, layout, terminal)
    lines += _modelled(boot, layout, terminal)
    lines += _notes(boot.notes, terminal)
    lines += _scene(boot, terminal)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _totals(layout: Layout, terminal: Terminal) -> list[str]:
    sums = layout.totals
    if sums is None:
        return [*_painted(terminal, "warning", _MEMORY_UNKNOWN, ""), ""]
    parts = [
        ("RAM", sums.ram, ""),
        ("no-map", sums.nomap, "the kernel does not map it"),
        ("reserved", sums.reserved, f"of which CMA {format_size_about(sums.cma)}" if sums.cma else ""),
        (
            "left to the system",
            sums.system,
            "with what CMA lends to it" if sums.cma else "",
        ),
    ]
    width = max(len(name) for name, _, _ in parts)
    sizes = [format_size_about(size) for _, size, _ in parts]
    size_width = max(len(size) for size in sizes)
    lines = []
    for (name, exact, remark), size in zip(parts, sizes, strict=True):
        line = f"  {name:<{width}}  {size:>{size_width}}"
        if size.startswith("~"):
            beside = ", ".join(filter(None, (format_size(exact), remark)))
        else:
            beside = remark
        beside = fit(beside, max(terminal.width - len(line) - 2, 12), ascii_only=terminal.ascii_only)
        lines.append(f"{line}  {terminal.paint('dim', beside)}")
    return [*lines, ""]


def _regions(
    heading: str, role: str, regions: Iterable[PlacedRegion], layout: Layout, terminal: Terminal
) -> list[str]:
    lines: list[str] = []
    for region in regions:
        name = safe(region.path, ascii_only=terminal.ascii_only, limit=_MAX_PATH)
        lines += _painted(terminal, role, f"{name}: {outcome_text(region)}", "  ")
        facts = [("asked for", request(region, layout.digits))]
        if region.why:
            facts.append(("why", region.why))
        hole = hole_text(region, layout.digits)
        if hole:
            facts.append(("largest free range met", hole))
        for word, text in facts:
            lines += _wrapped(
                terminal, safe(f"{word}: {text}", ascii_only=terminal.ascii_only), "    ", "      "
            )
    return [terminal.paint("heading", heading), *lines, ""] if lines else []


def _consumers(
    failing: Iterable[ConsumerResult], boot: Boot, terminal: Terminal, *, show_all: bool
) -> list[str]:
    lines: list[str] = []
    asleep = 0
    for use in failing:
        if not use.enabled and not show_all:
            asleep += 1
            continue
        text = f"{consumer_use(use)} gets {errno_name(use.errno or 0)}"
        text += f" for {use.region}" if use.region else ": its phandle leads to no region"
        if use.message:
            text += f": {use.message}"
        if use.driver is not None:
            text += f" (driver {use.driver}, {use.asks})"
        lines += _wrapped(terminal, safe(text, ascii_only=terminal.ascii_only), "  ", "    ")
    for device in boot.region_devices:
        if device.errno is not None:
            text = (
                f"{region_device(device)} gets {errno_name(device.errno)} for {device.path}: {device.message}"
            )
            text += "".join(f'; it prints "{line}"' for line in device.log)
            lines += _wrapped(terminal, safe(text, ascii_only=terminal.ascii_only), "  ", "    ")
    if asleep:
        text = f"{asleep} more in disabled devices (--all lists them)"
        lines.append(terminal.paint("dim", fit("  " + text, terminal.width)))
    return [terminal.paint("heading", "Consumers that will fail"), *lines, ""] if lines else []


def _iommu(boot: Boot, layout: Layout, terminal: Terminal) -> list[str]:
    lines: list[str] = []
    for device in boot.devices:
        for entry in device.iommu:
            shown = format_range(Span.sized(entry.iova, entry.size), layout.digits)
            text = f"{device.path}: {shown} {entry.kind}, for {entry.region}"
            lines += _wrapped(terminal, safe(text, ascii_only=terminal.ascii_only), "  ", "    ")
    return [terminal.paint("heading", "Addresses of devices behind an IOMMU"), *lines, ""] if lines else []


def _modelled(boot: Boot, layout: Layout, terminal: Terminal) -> list[str]:
    # One reason usually covers many regions, so reasons are told once, and none that the notes tell.
    told = set(boot.notes)
    reasons: dict[str, list[str]] = {}
    for row in layout.spans:
        if row.exactness is Exactness.EXACT:
            continue
        why = row.region.why if row.region is not None else row.cma.why if row.cma is not None else ""
        if why and not set(why.split("; ")) <= told:
            reasons.setdefault(why, []).append(row.label)
    lines: list[str] = []
    for why, labels in reasons.items():
        names = ", ".join(labels[:4]) + (f" and {len(labels) - 4} more" if len(labels) > 4 else "")
        lines += _wrapped(terminal, safe(f"{names}: {why}", ascii_only=terminal.ascii_only), "  ", "    ")
    return [terminal.paint("heading", "Modelled, and why"), *lines, ""] if lines else []


def _notes(notes: Iterable[str], terminal: Terminal) -> list[str]:
    lines: list[str] = []
    for note in notes:
        lines += _wrapped(terminal, safe(note, ascii_only=terminal.ascii_only), "  - ", "    ")
    return [terminal.paint("heading", "Notes"), *lines, ""] if lines else []


def _scene(boot: Boot, terminal: Terminal) -> list[str]:
    facts = boot.scene.facts
    if not facts:
        return []
    ascii_only = terminal.ascii_only
    names = [safe(fact.name, ascii_only=ascii_only, limit=24) for fact in facts]
    name_width = min(max(len(name) for name in names), 24)
    lines: list[str] = []
    for name, fact in zip(names, facts, strict=True):
        value = safe(fact.value, ascii_only=ascii_only) or "-"
        source = safe(fact.source, ascii_only=ascii_only)
        first = f"  {name:<{name_width}}  "
        lines += _wrapped(terminal, f"{value}  [{source}]", first, " " * len(first))
    return [terminal.paint("heading", "Scene (value and where it comes from)"), *lines, ""]


def _wrapped(terminal: Terminal, text: str, first: str, rest: str | None = None) -> list[str]:
    indent = first if rest is None else rest
    lines = wrap(text, terminal.width - len(indent))
    return [(first if index == 0 else indent) + line for index, line in enumerate(lines)]


def _painted(terminal: Terminal, role: str, text: str, indent: str) -> list[str]:
    return [terminal.paint(role, line) for line in _wrapped(terminal, text, indent)]
