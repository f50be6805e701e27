# SPDX-License-Identifier: Apache-2.0
"""From the name of a kernel to a Profile: what that kernel does, and how well that is known."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, get_args, get_type_hints

from carveout.errors import InternalError, KconfigError, UnsupportedProfile
from carveout.kernel.behaviour import Behaviour
from carveout.kernel.build import (
    Findings,
    apply_config,
    apply_preset,
    apply_vendor,
    config_page_size,
    preset_page_size,
    read_config,
)
from carveout.kernel.changes import CHANGES, Change
from carveout.kernel.config import DEBIAN, Config
from carveout.kernel.layout import (
    LAYOUTS,
    Arm64Layout,
    ArmLayout,
    Layout,
    PowerpcLayout,
    RiscvLayout,
    derive_arm64,
)
from carveout.kernel.release import BOOTED, Booted, Release, parse_release, series_key
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from carveout.kernel.vendor import Vendor

NEWEST_BOOTED = BOOTED[-1].series
ARCHITECTURES = ("arm64", "arm", "riscv64", "powerpc64")
PAGE_SIZES = {
    "arm64": (4096, 16384, 65536),
    "arm": (4096,),
    "riscv64": (4096,),
    "powerpc64": (4096, 65536),
}
_OWNERS = {"arm64_": "arm64", "arm_": "arm", "riscv_": "riscv64", "powerpc_": "powerpc64"}
# The highest order of pages in a configuration that only sets the page size (arm64).
_HIGHEST_ORDER = {4096: 10, 16384: 11, 65536: 13}
# Fields about the running system, on which no placement at boot depends.
_RUNTIME = "runtime_"
_SMP_CACHE_BYTES = {"arm64": 64, "arm": 64, "riscv64": 64, "powerpc64": 128}


class Profile(NamedTuple):
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
    build_doubts: tuple[str, ...] = ()
    """Why what is placed after the regions is not exact: the build is not the booted one."""
    notes: tuple[str, ...] = ()
    """What was assumed about the build; no reason to doubt."""
    runtime_doubts: tuple[str, ...] = ()
    """Why the pools of the running system are not exact, beside `doubts`."""

    @property
    def arm64(self) -> Arm64Layout:
        """The build constants of an arm64 kernel. Raises: InternalError for another architecture."""
        if not isinstance(self.layout, Arm64Layout):
            raise InternalError(f"no arm64 build constants for {self.arch}")
        return self.layout

    @property
    def arm(self) -> ArmLayout:
        """The build constants of a 32-bit arm kernel. Raises: InternalError for another architecture."""
        if not isinstance(self.layout, ArmLayout):
            raise InternalError(f"no arm build constants for {self.arch}")
        return self.layout

    @property
    def powerpc(self) -> PowerpcLayout:
        """The build constants of a powerpc64 kernel. Raises: InternalError for another architecture."""
        if not isinstance(self.layout, PowerpcLayout):
            raise InternalError(f"no powerpc64 build constants for {self.arch}")
        return self.layout

    @property
    def riscv(self) -> RiscvLayout:
        """The build constants of a riscv64 kernel. Raises: InternalError for another architecture."""
        if not isinstance(self.layout, RiscvLayout):
            raise InternalError(f"no riscv64 build constants for {self.arch}")
        return self.layout

    @property
    def highest_order(self) -> int:
        """log2 of the pages in the largest block of the page allocator."""
        counts = self.behaviour.max_order_counts == "orders"
        return self.config.max_order - 1 if counts else self.config.max_order

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
    config: bytes | None = None,
    vendor: Vendor | None = None,
) -> Profile:
    """Return the profile of a kernel; the newest booted one when nothing names one.

    config: a kernel .config, plain or gzip. vendor: what a vendor's kernel does differently; overrides win over it.
    Raises: UnsupportedProfile for what carveout knows nothing about; KconfigError, VendorError.
    """
    key = tuple(sorted((overrides or {}).items()))
    try:
        return _resolve(kernel, arch, preset, page_size, key, config, vendor)
    except KconfigError as error:
        raise KconfigError(f"the .config: {error}") from error


@lru_cache(maxsize=256)
def _resolve(
    kernel: str | None,
    arch: str,
    preset: str,
    page_size: int | None,
    overrides: tuple[tuple[str, str], ...],
    config_file: bytes | None,
    vendor: Vendor | None,
) -> Profile:
    if arch not in ARCHITECTURES:
        raise UnsupportedProfile(f"--arch {arch}: expected one of {', '.join(ARCHITECTURES)}")
    found = Findings()
    kconfig = read_config(config_file) if config_file is not None else None
    kernel = kernel or (vendor.base if vendor else None) or (kconfig.version if kconfig else None)
    kernel = kernel or NEWEST_BOOTED
    release = parse_release(kernel)
    preset_size = preset_page_size(preset, arch)
    if kconfig is not None:
        size = config_page_size(kconfig, arch, page_size or release.page_size)
    else:
        size = page_size or release.page_size or preset_size or _default_page_size(release, arch)
    behaviour = _behaviour(release, arch, found.doubts)
    config = apply_preset(preset, arch, _config(release, arch, size, found.doubts), found)
    layout = _layout(release, arch, size)
    if not release.is_booted:
        found.doubts.insert(
            0, f"kernel {kernel} was not booted; sizes inside it are those of {release.booted.version}"
        )
    if kconfig is not None:
        config = apply_config(
            kconfig, arch=arch, base=config, behaviour=behaviour, release=release, found=found
        )
    if vendor is not None:
        behaviour = _overridden(behaviour, vendor.behaviour, f"vendor {vendor.name}: ")
        config = apply_vendor(vendor, config, behaviour, found)
    if overrides:
        behaviour = _overridden(behaviour, overrides, "--behaviour ")
        found.doubts.append(
            "behaviour overridden: " + ", ".join(f"{name}={value}" for name, value in overrides)
        )
    return Profile(
        kernel=kernel,
        version=release.booted.version,
        release=release.booted.release,
        arch=arch,
        preset=preset,
        behaviour=behaviour,
        config=config,
        layout=layout,
        doubts=tuple(found.doubts),
        build_doubts=tuple(found.build_doubts),
        notes=tuple(found.notes),
        runtime_doubts=_runtime_doubts(release),
    )


def _shown(size: int) -> str:
    return str(size) if size % 1024 else f"{size // 1024}K"


def _config(release: Release, arch: str, page_size: int, doubts: list[str]) -> Config:
    if not any(key[0] == arch for key in DEBIAN):
        known = ", ".join(dict.fromkeys(key[0] for key in DEBIAN))
        raise UnsupportedProfile(f"--arch {arch}: carveout simulates {known} only so far")
    if page_size not in PAGE_SIZES[arch]:
        choices = " or ".join(f"{size // 1024}K" for size in PAGE_SIZES[arch])
        raise UnsupportedProfile(f"--page-size {_shown(page_size)}: on {arch} expected {choices}")
    series = release.booted.series
    exact = DEBIAN.get((arch, series, page_size))
    if exact is not None:
        return exact
    near = _nearest(list(DEBIAN), arch, series, page_size)
    changed = ", the page size changed" if near[2] != page_size else ""
    doubts.append(
        f"Debian's {series} kernel for {arch} with pages of {page_size // 1024} KiB was not booted; "
        f"its configuration is that of {near[1]} with pages of {near[2] // 1024} KiB{changed}"
    )
    base = DEBIAN[near]
    if base.page_size == page_size:
        return base
    orders_are_counted = _fold(release).max_order_counts == "orders"
    order = _HIGHEST_ORDER.get(page_size, 11)
    return base._replace(
        page_size=page_size,
        max_order=order + 1 if orders_are_counted else order,
        page_block_max_order=None if base.page_block_max_order is None else order,
    )


def _nearest(
    keys: list[tuple[str, str, int]], arch: str, series: str, page_size: int
) -> tuple[str, str, int]:
    # The booted build that comes closest: the same series, else the next one, with the page size if possible.
    names = [booted.series for booted in BOOTED]
    here = names.index(series)

    def distance(key: tuple[str, str, int]) -> tuple[bool, int, bool, int]:
        gap = names.index(key[1]) - here
        return gap != 0, abs(gap), key[2] != page_size, key[2]

    return min((key for key in keys if key[0] == arch), key=distance)


def _default_page_size(release: Release, arch: str) -> int:
    # What Debian's plain flavour of the architecture has.
    booted = [*BOOTED[BOOTED.index(release.booted) :], *BOOTED]
    return next((flavour[2] for b in booted for flavour in b.flavours if flavour[1] == arch), 4096)


def _layout(release: Release, arch: str, page_size: int) -> Layout | None:
    table = LAYOUTS.get(arch)
    if not table:
        return None
    keys = [(arch, *key) for key in table]
    _, series, size = _nearest(keys, arch, release.booted.series, page_size)
    found = table[series, size]
    if isinstance(found, Arm64Layout) and size != page_size:
        return derive_arm64(found, page_size)
    return found


def _fold(release: Release) -> Behaviour:
    values: dict[str, object] = {}
    for change in CHANGES:
        if series_key(change.certain_from) <= release.key:
            values[change.field] = change.value
    return Behaviour()._replace(**values)  # type: ignore[arg-type]


def _behaviour(release: Release, arch: str, doubts: list[str]) -> Behaviour:
    open_fields = {c.field for c in open_changes(release) if concerns(c.field, arch)}
    doubts += _release_doubt(field for field in open_fields if not field.startswith(_RUNTIME))
    return _fold(release)


def _runtime_doubts(release: Release) -> tuple[str, ...]:
    return _release_doubt({c.field for c in open_changes(release) if c.field.startswith(_RUNTIME)})


def _release_doubt(fields: Iterable[str]) -> tuple[str, ...]:
    names = ", ".join(sorted(fields))
    return (
        (f"the release in which these changed is not known, the older behaviour is assumed: {names}",)
        if names
        else ()
    )


def concerns(field: str, arch: str) -> bool:
    """Say whether a field of Behaviour means anything on an architecture: `arm64_...` only on arm64."""
    owner = next((a for prefix, a in _OWNERS.items() if field.startswith(prefix)), arch)
    return owner == arch


def open_changes(release: Release) -> tuple[Change, ...]:
    """Return the changes of which it is not known whether this release has them already."""
    following = next_booted(release)
    if following is None:
        return ()
    return tuple(
        change
        for change in CHANGES
        if change.by == following.series
        and release.key < series_key(change.certain_from)
        and series_key(release.booted.series) < release.key
        and (change.possible_from is None or series_key(change.possible_from) <= release.key)
    )


def next_booted(release: Release) -> Booted | None:
    """Return the oldest booted kernel that is newer, or None."""
    at = BOOTED.index(release.booted) + 1
    return BOOTED[at] if at < len(BOOTED) else None


def _overridden(behaviour: Behaviour, overrides: tuple[tuple[str, str], ...], who: str) -> Behaviour:
    hints = get_type_hints(Behaviour)
    known = set(Behaviour._fields)
    values: dict[str, object] = {}
    for name, text in overrides:
        if name not in known:
            raise UnsupportedProfile(f"{who}{name}={text}: no such field; see `carveout kernels`")
        allowed = get_args(hints[name])
        hit = [value for value in allowed if str(value) == text]
        if not hit:
            choices = ", ".join(str(value) for value in allowed)
            raise UnsupportedProfile(f"{who}{name}={text}: expected one of {choices}")
        values[name] = hit[0]
    return behaviour._replace(**values)  # type: ignore[arg-type]
