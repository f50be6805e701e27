# SPDX-License-Identifier: Apache-2.0
"""From the name of a kernel to a Profile: what that kernel does, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, get_args, get_type_hints

from carveout.errors import InternalError, UnsupportedProfile
from carveout.kernel.behaviour import Behaviour
from carveout.kernel.changes import CHANGES
from carveout.kernel.config import DEBIAN, Config
from carveout.kernel.layout import ARM64_LAYOUTS, Arm64Layout, Layout
from carveout.kernel.release import BOOTED, Release, parse_release, series_key

if TYPE_CHECKING:
    from collections.abc import Mapping

NEWEST_BOOTED = BOOTED[-1].series
ARCHITECTURES = ("arm64", "arm", "riscv64", "powerpc64")
_SMP_CACHE_BYTES = {"arm64": 64, "arm": 64, "riscv64": 64, "powerpc64": 128}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one kernel does: its decisions, its configuration, its build."""

    kernel: str
    """As the user named it."""
    version: str
    """The stable version the constants are from, such as 6.12.107."""
    release: str
    """Release string of that kernel."""
    arch: str
    preset: str
    behaviour: Behaviour
    config: Config
    layout: Layout | None
    doubts: tuple[str, ...]
    """Why results are not exact: one sentence each. Empty for a kernel that was booted."""

    @property
    def arm64(self) -> Arm64Layout:
        """The build constants of an arm64 kernel. Raises: InternalError for another architecture."""
        if not isinstance(self.layout, Arm64Layout):
            raise InternalError(f"no arm64 build constants for {self.arch}")
        return self.layout

    @property
    def smp_cache_bytes(self) -> int:
        """Alignment of an allocation that asks for none, in bytes."""
        return _SMP_CACHE_BYTES[self.arch]


def resolve(
    kernel: str | None,
    *,
    arch: str,
    preset: str = "debian",
    page_size: int | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Profile:
    """Return the profile of a kernel; the newest booted one when `kernel` is None.

    Raises: UnsupportedProfile for what carveout knows nothing about.
    """
    key = tuple(sorted((overrides or {}).items()))
    return _resolve(kernel or NEWEST_BOOTED, arch, preset, page_size, key)


@lru_cache(maxsize=256)
def _resolve(
    kernel: str, arch: str, preset: str, page_size: int | None, overrides: tuple[tuple[str, str], ...]
) -> Profile:
    release = parse_release(kernel)
    if arch not in ARCHITECTURES:
        raise UnsupportedProfile(f"--arch {arch}: expected one of {', '.join(ARCHITECTURES)}")
    if preset != "debian":
        raise UnsupportedProfile(f"--preset {preset}: the built-in configuration is `debian`")
    doubts: list[str] = []
    size = page_size or release.page_size or 4096
    config = _config(release, arch, size, doubts)
    layout = _layout(release, arch, size)
    behaviour = _behaviour(release, doubts)
    if not release.is_booted:
        doubts.insert(
            0, f"kernel {kernel} was not booted; sizes inside it are those of {release.booted.version}"
        )
    if overrides:
        behaviour = _overridden(behaviour, overrides)
        doubts.append("behaviour overridden: " + ", ".join(f"{name}={value}" for name, value in overrides))
    return Profile(
        kernel=kernel,
        version=release.booted.version,
        release=release.booted.release,
        arch=arch,
        preset=preset,
        behaviour=behaviour,
        config=config,
        layout=layout,
        doubts=tuple(doubts),
    )


def _config(release: Release, arch: str, page_size: int, doubts: list[str]) -> Config:
    if arch != "arm64":
        raise UnsupportedProfile(f"--arch {arch}: carveout simulates arm64 only so far")
    if page_size not in (4096, 16384):
        raise UnsupportedProfile(f"--page-size {page_size}: expected 4K or 16K")
    exact = DEBIAN.get((arch, release.booted.series, page_size))
    if exact is not None:
        return exact
    base = DEBIAN[(arch, release.booted.series, 4096)]
    doubts.append(
        f"Debian's {release.booted.series} kernel with pages of {page_size // 1024} KiB was not booted; "
        "its configuration is that of the 4 KiB kernel with the page size changed"
    )
    orders_are_counted = _fold(release).max_order_counts == "orders"
    return replace(base, page_size=page_size, max_order=12 if orders_are_counted else 11)


def _layout(release: Release, arch: str, page_size: int) -> Layout | None:
    if arch != "arm64":
        return None
    exact = ARM64_LAYOUTS.get((release.booted.series, page_size))
    return exact or ARM64_LAYOUTS[(release.booted.series, 4096)]


def _fold(release: Release) -> Behaviour:
    values: dict[str, object] = {}
    for change in CHANGES:
        if series_key(change.release or change.by) <= release.key:
            values[change.field] = change.value
    return replace(Behaviour(), **values)  # type: ignore[arg-type]


def _behaviour(release: Release, doubts: list[str]) -> Behaviour:
    open_fields = sorted(
        {
            change.field
            for change in CHANGES
            if change.release is None
            and series_key(release.booted.series) < release.key < series_key(change.by)
            and _first_after(release.booted.series, change.by)
        }
    )
    if open_fields:
        doubts.append(
            "the release in which these changed is not known, the older behaviour is assumed: "
            + ", ".join(open_fields)
        )
    return _fold(release)


def _first_after(series: str, by: str) -> bool:
    # Whether `by` is the booted kernel that follows `series`.
    names = [booted.series for booted in BOOTED]
    return names.index(by) == names.index(series) + 1


def _overridden(behaviour: Behaviour, overrides: tuple[tuple[str, str], ...]) -> Behaviour:
    hints = get_type_hints(Behaviour)
    known = {field.name for field in fields(Behaviour)}
    values: dict[str, object] = {}
    for name, text in overrides:
        if name not in known:
            raise UnsupportedProfile(f"--behaviour {name}={text}: no such field; see `carveout kernels`")
        allowed = get_args(hints[name])
        hit = [value for value in allowed if str(value) == text]
        if not hit:
            choices = ", ".join(str(value) for value in allowed)
            raise UnsupportedProfile(f"--behaviour {name}={text}: expected one of {choices}")
        values[name] = hit[0]
    return replace(behaviour, **values)  # type: ignore[arg-type]
