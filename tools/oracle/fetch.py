# SPDX-License-Identifier: Apache-2.0
"""Debian's kernels, downloaded once and kept in a folder.

CACHE/kernels/SUITE-ARCH-FLAVOUR/ holds `vmlinuz-RELEASE` and `config-RELEASE`; CACHE/apt is apt's own state. Needs
apt-get, apt-cache and dpkg-deb, but not root (see tools/fetch_dtbs.py).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from fetch_dtbs import Apt, FetchError, host_mirror

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "oracle"
_TOOLS = ("apt-get", "apt-cache", "dpkg-deb")


class Wanted(NamedTuple):
    """One kernel package of Debian: the one that linux-image-FLAVOUR means in this suite."""

    suite: str
    arch: str
    """Debian's name of the architecture."""
    flavour: str

    @property
    def name(self) -> str:
        """The folder it is kept in."""
        return f"{self.suite}-{self.arch}-{self.flavour}"


# The suites of the four series that the recordings are of: 5.10, 6.1, 6.12 and 7.2.
SUITES = ("bullseye", "bookworm", "trixie", "sid")

# Flavours by our names of the architectures, and since which suite Debian has them.
_FLAVOURS = {
    "arm64": (("arm64", "arm64", SUITES), ("arm64", "arm64-16k", ("trixie", "sid"))),
    "arm": (("armhf", "armmp", SUITES),),
    "riscv64": (("riscv64", "riscv64", ("trixie", "sid")),),
}
ARCHITECTURES = tuple(_FLAVOURS)


def wanted(architectures: tuple[str, ...], suites: tuple[str, ...] = SUITES) -> list[Wanted]:
    """Return the packages for these architectures (our names) and suites."""
    return [
        Wanted(suite, debian, flavour)
        for arch in architectures
        for debian, flavour, available in _FLAVOURS[arch]
        for suite in suites
        if suite in available
    ]


def fetch(cache: Path, package: Wanted, *, mirror: str | None = None, update: bool = False) -> str:
    """Make sure that the kernel is in the cache and return its release.

    update: ask Debian also when there is one already. Raises: FetchError.
    """
    folder = cache / "kernels" / package.name
    have = releases(folder)
    if have and not update:
        return have[-1]
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise FetchError(f"not on this machine: {', '.join(missing)}")
    mirror = mirror or host_mirror()
    if mirror is None:
        raise FetchError("no Debian mirror in this machine's apt sources; give --mirror URL")
    return _download(cache, package, mirror, folder)


def releases(folder: Path) -> list[str]:
    """Return the releases of the kernels in one folder of the cache, the last one fetched last."""
    files = sorted(folder.glob("vmlinuz-*"), key=lambda path: path.stat().st_mtime)
    return [path.name.removeprefix("vmlinuz-") for path in files]


def _download(cache: Path, package: Wanted, mirror: str, folder: Path) -> str:
    top = cache / "apt" / f"{package.suite}-{package.arch}"
    apt = Apt(top, suite=package.suite, arch=package.arch, mirror=mirror)
    apt.run("apt-get", "-q", "update")
    meta = f"linux-image-{package.flavour}"
    version = apt.current(f"{meta}:{package.arch}", package.suite)
    if version is None:
        raise FetchError(f"{package.suite} has no {meta} for {package.arch}")
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(apt.kernel_packages(meta, package.arch, version)):
        if "-base-" not in name:
            _unpack(apt.download(name), folder)
    shutil.rmtree(top / "debs", ignore_errors=True)
    have = releases(folder)
    if not have:
        raise FetchError(f"{meta} {version} of {package.suite} holds no kernel that was recognised")
    return have[-1]


def _unpack(deb: Path, folder: Path) -> None:
    unpacker = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE)
    with unpacker, tarfile.open(fileobj=unpacker.stdout, mode="r|") as archive:
        for member in archive:
            name = target_name(PurePosixPath(member.name))
            source = archive.extractfile(member) if name and member.isfile() else None
            if name is not None and source is not None:
                # Whole or not at all: an interrupted download must not look like a kernel.
                partial = folder / f".{name}"
                partial.write_bytes(source.read())
                partial.rename(folder / name)
    if unpacker.returncode != 0:
        raise FetchError(f"dpkg-deb cannot unpack {deb.name}")


_KEPT = re.compile(r"^(?:vmlinu[xz]|config)$")


def target_name(path: PurePosixPath) -> str | None:
    """Say under which name a file of a kernel package is kept, or None when it is not.

    Kernels are boot/vmlinuz-RELEASE up to 6.12, and lib/modules/RELEASE/vmlinuz later; configurations likewise.
    """
    kind, dash, release = path.name.partition("-")
    if not dash and "modules" in path.parts:
        release = path.parent.name
    if not _KEPT.match(kind) or not release or not ("boot" in path.parts or "modules" in path.parts):
        return None
    return f"{'config' if kind == 'config' else 'vmlinuz'}-{release}"
