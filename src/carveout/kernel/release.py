# SPDX-License-Identifier: Apache-2.0
"""Kernel versions and release strings, and the kernels that were booted to learn the truth."""

from __future__ import annotations

import re
from functools import lru_cache

from carveout.errors import UnsupportedProfile
from carveout.values import NamedTuple

KIB = 1 << 10


class Booted(NamedTuple):
    """A kernel whose boots were recorded."""

    series: str
    version: str
    """The stable version inside, such as 6.1.176."""
    release: str
    """Debian's release string without the flavour."""
    flavours: tuple[tuple[str, str, int], ...]
    """(flavour, architecture, page size)."""


BOOTED: tuple[Booted, ...] = (
    Booted("5.10", "5.10.223", "5.10.0-32", (("arm64", "arm64", 4 * KIB), ("armmp", "arm", 4 * KIB))),
    Booted(
        "6.1",
        "6.1.176",
        "6.1.0-50",
        (
            ("arm64", "arm64", 4 * KIB),
            ("armmp", "arm", 4 * KIB),
            ("powerpc64le", "powerpc64", 64 * KIB),
        ),
    ),
    Booted(
        "6.12",
        "6.12.107",
        "6.12.107+deb13",
        (
            ("arm64", "arm64", 4 * KIB),
            ("arm64-16k", "arm64", 16 * KIB),
            ("armmp", "arm", 4 * KIB),
            ("riscv64", "riscv64", 4 * KIB),
            ("powerpc64le", "powerpc64", 4 * KIB),
            ("powerpc64le-64k", "powerpc64", 64 * KIB),
        ),
    ),
    Booted(
        "7.2",
        "7.2.13",
        "7.2.13+deb14",
        (
            ("arm64", "arm64", 4 * KIB),
            ("arm64-16k", "arm64", 16 * KIB),
            ("armmp", "arm", 4 * KIB),
            ("riscv64", "riscv64", 4 * KIB),
            ("powerpc64le", "powerpc64", 4 * KIB),
            ("powerpc64le-64k", "powerpc64", 64 * KIB),
        ),
    ),
)
OLDEST = (5, 10)
NEWEST = (7, 2)

_RELEASE = re.compile(r"^v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,5}))?(.*)$")


class Release(NamedTuple):
    """A kernel as the user named it."""

    text: str
    key: tuple[int, int]
    """(version, patch level): what the table of changes is folded over."""
    booted: Booted
    """The newest booted kernel that is not newer than this one."""
    is_booted: bool
    """Whether the named kernel is that very kernel."""
    arch: str | None
    page_size: int | None
    """Architecture and page size, when the text names a flavour."""


def series_key(series: str) -> tuple[int, int]:
    """Return `6.12` as (6, 12), which sorts."""
    major, _, minor = series.partition(".")
    return int(major), int(minor)


@lru_cache(maxsize=64)
def parse_release(text: str) -> Release:
    """Read `6.12`, `6.12.107`, or a release string such as `6.12.107+deb13-arm64-16k`.

    Raises: UnsupportedProfile for text that is no version, or one outside 5.10 to 7.2.
    """
    match = _RELEASE.match(text.strip())
    if match is None:
        message = (
            f"--kernel {text}: not a kernel version; expected something like 6.12 or 6.12.107+deb13-arm64"
        )
        raise UnsupportedProfile(message)
    key = int(match[1]), int(match[2])
    if not OLDEST <= key <= NEWEST:
        message = f"--kernel {text}: carveout knows the kernels from 5.10 to 7.2"
        raise UnsupportedProfile(message)
    booted = max((b for b in BOOTED if series_key(b.series) <= key), key=lambda b: series_key(b.series))
    flavour = _flavour(match[4], booted)
    return Release(
        text=text,
        key=key,
        booted=booted,
        is_booted=_is_booted(text.strip().removeprefix("v"), match[3], booted, flavour),
        arch=flavour[1] if flavour else None,
        page_size=flavour[2] if flavour else None,
    )


def _flavour(rest: str, booted: Booted) -> tuple[str, str, int] | None:
    # Its own flavours first; what another kernel has says architecture and page size too.
    others = [flavour for other in BOOTED for flavour in other.flavours]
    for known in (booted.flavours, others):
        hits = [f for f in known if rest.endswith("-" + f[0]) or rest == f[0]]
        if hits:
            return max(hits, key=lambda f: len(f[0]))
    return None


def _is_booted(text: str, sublevel: str | None, booted: Booted, flavour: tuple[str, str, int] | None) -> bool:
    if flavour is not None:
        if flavour not in booted.flavours:
            return False
        text = text.removesuffix("-" + flavour[0])
    return text in (booted.series, booted.version, booted.release) and (
        sublevel is None or text != booted.series
    )
