# SPDX-License-Identifier: Apache-2.0
"""What a user says about a build (a .config, a preset, a vendor file) applied to Debian's configuration.

A build that was not booted has structures of other sizes and an image with other inner borders. What is placed before
the kernel allocates anything does not depend on them; what comes after does. So there are two kinds of doubt: `doubts`
for everything, and `build_doubts` only for what is placed after the regions. A .config clears both only when every
option in it is that of the package which was booted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import KconfigError, UnsupportedProfile, VendorError
from carveout.values import dataclass, field

if TYPE_CHECKING:
    from carveout.kernel.behaviour import Behaviour
    from carveout.kernel.config import Config
    from carveout.kernel.kconfig import Kconfig
    from carveout.kernel.release import Release
    from carveout.kernel.vendor import Vendor


@dataclass(slots=True, kw_only=True)
class Findings:
    """What is to be said about a build: sentences."""

    doubts: list[str] = field(default_factory=list)
    build_doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_config(data: bytes) -> Kconfig:
    """Return the options of a .config. Raises: KconfigError."""
    from carveout.kernel.kconfig import parse_kconfig

    return parse_kconfig(data)


def config_page_size(kconfig: Kconfig, arch: str, asked: int | None) -> int:
    """Return the page size of a .config. asked: what the user named beside it, in bytes.

    Raises: KconfigError when the two differ.
    """
    from carveout.kernel.kconfig import page_size_of

    size = page_size_of(kconfig, arch)
    if asked is not None and asked != size:
        raise KconfigError(f"is for pages of {size // 1024} KiB, --page-size says {asked // 1024} KiB")
    return size


def preset_page_size(preset: str, arch: str) -> int | None:
    """Return the page size that a preset names, in bytes, or None when it names none.

    Raises: UnsupportedProfile for a preset that does not exist, or not for this architecture.
    """
    if preset == "debian":
        return None
    from carveout.kernel.presets import PRESETS

    if preset not in PRESETS:
        raise UnsupportedProfile(
            f"--preset {preset}: the built-in configurations are {', '.join(sorted(PRESETS))}"
        )
    if arch not in PRESETS[preset]:
        raise UnsupportedProfile(f"--preset {preset}: not known for {arch}")
    return PRESETS[preset][arch].page_size


def apply_preset(preset: str, arch: str, base: Config, found: Findings) -> Config:
    """Return Debian's configuration with what the preset is known to change."""
    if preset == "debian":
        return base
    from carveout.kernel.presets import PRESETS

    chosen = PRESETS[preset][arch]
    names = ", ".join(sorted(chosen.values))
    found.doubts.append(
        f"preset {preset}: {names} are from {chosen.source}; every other option is that of Debian's kernel"
    )
    return base._replace(**chosen.values)  # type: ignore[arg-type]


def apply_config(
    kconfig: Kconfig, *, arch: str, base: Config, behaviour: Behaviour, release: Release, found: Findings
) -> Config:
    """Return the configuration that a .config describes. base: that of the booted kernel nearest to it.

    Raises: KconfigError.
    """
    from carveout.kernel.kconfig import FIELDS, config_of, fingerprint
    from carveout.kernel.presets import FINGERPRINTS

    reading = config_of(kconfig, arch=arch, base=base, behaviour=behaviour)
    found.notes += reading.defaults
    booted = release.booted
    known = FINGERPRINTS.get((arch, booted.series, reading.config.page_size))
    if known == fingerprint(kconfig) and kconfig.version in (None, booted.version):
        return reading.config
    if kconfig.version is None:
        found.notes.append("the .config does not say of which kernel it is")
    elif kconfig.version != booted.version:
        found.doubts.append(f"the .config is of Linux {kconfig.version}, which was not booted")
    options = {row.field: f"CONFIG_{row.options[0]}" for row in FIELDS}
    differing = [
        f"{options.get(name, name)} is {_shown(new)} (booted: {_shown(old)})"
        for name in base._fields
        if (new := getattr(reading.config, name)) != (old := getattr(base, name))
    ]
    if differing:
        found.doubts.append("the .config is not that of the booted kernel: " + ", ".join(differing))
    found.doubts += reading.gaps
    found.build_doubts.append(
        f"the .config is of another build than the booted one: sizes inside it are those of Debian's {booted.version}"
    )
    return reading.config


def apply_vendor(vendor: Vendor, base: Config, behaviour: Behaviour, found: Findings) -> Config:
    """Return the configuration with the options of a vendor file. Raises: VendorError, KconfigError."""
    from carveout.kernel.kconfig import FIELDS, SELECTIONS, Kconfig, decided

    known = {name for row in FIELDS for name in row.options} | {name for name, _value in SELECTIONS}
    for name, _value in vendor.config:
        if name not in known:
            raise VendorError(
                f"config.{name}: not an option that matters here; expected one of {', '.join(sorted(known))}"
            )
    options = dict(vendor.config)
    values, _defaults = decided(
        Kconfig(options=options, lines={}, version=None), behaviour=behaviour, complete=False
    )
    changed = [*(name for name, _value in vendor.behaviour), *(f"CONFIG_{name}" for name in options)]
    what = ", ".join(changed) if changed else "nothing"
    found.doubts.append(f"vendor kernel {vendor.name}, which was not booted: it changes {what}")
    return base._replace(**values)  # type: ignore[arg-type]


def _shown(value: object) -> str:
    return {True: "y", False: "n"}.get(value, str(value)) if isinstance(value, bool) else str(value)
