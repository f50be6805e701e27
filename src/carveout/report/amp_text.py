# SPDX-License-Identifier: Apache-2.0
"""What goes where in the memory of a remote processor, as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.amp.drivers import UNKNOWN
from carveout.report.words import fit as cut
from carveout.report.words import safe
from carveout.units import address_digits, format_range, format_size

if TYPE_CHECKING:
    from carveout.amp.model import Fit, Use

_WIDEST_WHAT = 40


def render_fit(fit: Fit, *, ascii_only: bool = False) -> str:
    """Return the heading of one firmware and a line for each thing in it."""
    remote, firmware = fit.remote, fit.firmware
    driver = "driver not known" if remote.driver is UNKNOWN else f"driver {remote.driver.name}"
    state = "" if remote.enabled else ", disabled"
    name, path = safe(firmware.name, ascii_only=ascii_only), safe(remote.path, ascii_only=ascii_only)
    lines = [f"{name} ({firmware.bits}-bit {safe(firmware.machine)}) for {path} ({driver}{state})"]
    digits = address_digits(max((use.span.end - 1 for use in fit.uses if use.span), default=0))
    width = min(_WIDEST_WHAT, max((len(use.what) for use in fit.uses), default=0))
    lines += [_line(use, width, digits, ascii_only=ascii_only) for use in fit.uses]
    return "".join(line.rstrip() + "\n" for line in lines)


def _line(use: Use, width: int, digits: int, *, ascii_only: bool) -> str:
    span = format_range(use.span, digits) if use.span is not None else "any"
    what = cut(use.what, width, ascii_only=ascii_only)
    return (
        f"  {what:{width}}  {span:{2 * digits + 6}}  {format_size(use.size):>12}  "
        f"{safe(use.where, ascii_only=ascii_only)}"
    )
