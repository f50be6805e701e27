#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Download the device trees that Debian's kernel packages ship: thousands of real boards to read.

    tools/fetch_dtbs.py DEST --suite bookworm trixie --arch arm64 armhf

Afterwards DEST/RELEASE-ARCH/ holds the .dtb files of one kernel package, in the package's own folders.
Works on Debian and its derivatives, without being root: apt keeps its state in DEST/apt, and neither the
machine's list of architectures nor its package lists are touched. Needs apt-get, apt-cache and dpkg-deb.
Signatures are checked with the machine's own Debian keyring.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

# The flavour of which the meta package linux-image-FLAVOUR always names the current kernel. Other flavours
# of one architecture (16 KiB pages, realtime) ship the same trees.
FLAVOUR = {"arm64": "arm64", "armhf": "armmp", "riscv64": "riscv64"}

# Which packages of a kernel can hold trees: linux-image up to 6.12, linux-base-VERSION in 7.x.
KERNEL_PACKAGE = re.compile(r"\blinux-(?:image|base|binary)-\d[\w.+-]*")

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

APT_CONF = """\
Dir::State "{top}/state";
Dir::State::status "/dev/null";
Dir::Cache "{top}/cache";
Dir::Etc::sourcelist "{top}/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Architectures {{ "{arch}"; }};
APT::Sandbox::User "";
Acquire::Languages "none";
"""


class FetchError(Exception):
    """The download cannot go on; the text says why."""


class Apt:
    """apt with a state of its own in one folder."""

    def __init__(self, top: Path, *, suite: str, arch: str, mirror: str) -> None:
        """Write the configuration; nothing is downloaded yet."""
        self.top = top
        for folder in ("state/lists/partial", "cache/archives/partial", "debs"):
            (top / folder).mkdir(parents=True, exist_ok=True)
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        (top / "sources.list").write_text(f"deb {signed}{mirror} {suite} main\n")
        conf = top / "apt.conf"
        conf.write_text(APT_CONF.format(top=top, arch=arch))
        self.env = dict(os.environ, APT_CONFIG=str(conf))

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run one apt command and return what it prints."""
        done = subprocess.run(
            command,
            env=self.env,
            cwd=cwd,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise FetchError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def current(self, package: str, suite: str) -> str | None:
        """Return the version of a package in one suite, or None when it is not there."""
        for line in self.run("apt-cache", "madison", package).splitlines():
            _name, version, where = (part.strip() for part in line.split("|"))
            if f" {suite}/" in where:
                return version
        return None

    def kernel_packages(self, meta: str, arch: str, version: str) -> set[str]:
        """Return the kernel packages (`name:arch=version`) which a meta package leads to."""
        found: set[str] = set()
        queue = [f"{meta}:{arch}={version}"]
        while queue:
            shown = self.run("apt-cache", "show", queue.pop())
            depends = " ".join(re.findall(r"^(?:Pre-)?Depends: (.*)$", shown, re.MULTILINE))
            exact = re.search(r"\(= ([^)]*)\)", depends)
            for name in KERNEL_PACKAGE.findall(depends):
                package = f"{name}:{arch}={exact.group(1) if exact else version}"
                if package not in found:
                    found.add(package)
                    queue.append(package)
        return found

    def download(self, package: str) -> Path:
        """Download one package, unless it is there already, and return its path."""
        place = self.top / "debs" / package.replace("/", "_")
        place.mkdir(exist_ok=True)
        if not list(place.glob("*.deb")):
            self.run("apt-get", "-q", "download", package, cwd=place)
        return next(place.glob("*.deb"))


def host_mirror() -> str | None:
    """Return the Debian mirror this machine is set up to use, or None."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)"],
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )
    for line in targets.stdout.splitlines():
        _origin, label, uri = line.split("|", 2)
        if label == "Debian":
            return uri
    return None


def unpack_trees(deb: Path, dest: Path, arch: str) -> int:
    """Write the .dtb files of one package to DEST/RELEASE-ARCH/ and return how many there are."""
    count = 0
    unpacker = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE)
    with unpacker, tarfile.open(fileobj=unpacker.stdout, mode="r|") as archive:
        for member in archive:
            target = tree_path(PurePosixPath(member.name), arch)
            source = archive.extractfile(member) if target and member.isfile() else None
            if target is None or source is None:
                continue
            (dest / target).parent.mkdir(parents=True, exist_ok=True)
            (dest / target).write_bytes(source.read())
            count += 1
    if unpacker.returncode != 0:
        raise FetchError(f"dpkg-deb cannot unpack {deb.name}")
    return count


def tree_path(name: PurePosixPath, arch: str) -> PurePosixPath | None:
    """Say where a file of a kernel package goes, or None when it is no device tree.

    Up to 6.12 trees are under /usr/lib/linux-image-RELEASE/, in 7.x under /usr/lib/modules/RELEASE/dtb/.
    """
    if name.suffix != ".dtb" or ".." in name.parts:
        return None
    parts = [part for part in name.parts if part not in {".", "/", "usr", "lib", "modules", "dtb"}]
    release = parts[0].removeprefix("linux-image-")
    folder = release if release.endswith(f"-{arch}") else f"{release}-{arch}"
    return PurePosixPath(folder, *parts[1:])


def fetch(dest: Path, *, suite: str, arch: str, mirror: str) -> int:
    """Download and unpack the trees of one suite's kernel; return their number."""
    # A state of its own for each pair: a mirror that lacks one list for a while costs only that pair.
    apt = Apt(dest / "apt" / f"{suite}-{arch}", suite=suite, arch=arch, mirror=mirror)
    apt.run("apt-get", "-q", "update")
    meta = f"linux-image-{FLAVOUR[arch]}"
    version = apt.current(f"{meta}:{arch}", suite)
    if version is None:
        raise FetchError(f"no {meta} for {arch}")
    total = 0
    for package in sorted(apt.kernel_packages(meta, arch, version)):
        count = unpack_trees(apt.download(package), dest, arch)
        sys.stdout.write(f"{suite} {package}: {count} trees\n")
        sys.stdout.flush()
        total += count
    return total


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dest", type=Path, help="folder to fill")
    parser.add_argument(
        "--suite", nargs="+", default=["bookworm", "trixie"], help="Debian suites (default: %(default)s)"
    )
    parser.add_argument("--arch", nargs="+", default=["arm64", "armhf"], choices=sorted(FLAVOUR))
    parser.add_argument("--mirror", help="URL of a Debian mirror (default: the one this machine's apt uses)")
    parser.add_argument("--keep-packages", action="store_true", help="do not delete the downloaded packages")
    args = parser.parse_args()
    missing = [tool for tool in ("apt-get", "apt-cache", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        sys.stderr.write(f"fetch_dtbs: not on this machine: {', '.join(missing)}\n")
        return 3
    mirror = args.mirror or host_mirror()
    if mirror is None:
        sys.stderr.write("fetch_dtbs: no Debian mirror in this machine's apt sources; give --mirror URL\n")
        return 2
    dest = args.dest.resolve()
    total = 0
    failed = False
    for suite in args.suite:
        for arch in args.arch:
            try:
                total += fetch(dest, suite=suite, arch=arch, mirror=mirror)
            except FetchError as error:
                sys.stderr.write(f"fetch_dtbs: {suite} {arch}: {error}\n")
                failed = True
    if not args.keep_packages:
        shutil.rmtree(dest / "apt", ignore_errors=True)
    sys.stdout.write(f"{total} trees in {dest}\n")
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
