#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turn folders of recorded boots into the compressed test data of tests/data/boots.

    tools/import_boots.py SRC... DEST

Each SRC holds one folder per scenario with `expected.json.gz`, the blobs it names and the fragments they were
made from; the name of SRC becomes the name of the source. For each source and architecture this writes
SOURCE-ARCH.jsonl.xz (one boot a line) and SOURCE-ARCH.tar.xz (each blob once, by its SHA-256, and the
fragments), and one index.json for all; what DEST has of other sources stays. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import lzma
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Group:
    """The boots of one source and architecture, and the files that go with them."""

    boots: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


def read_blob(folder: Path, name: str, files: dict[str, bytes]) -> str:
    """Add the blob to `files` under its SHA-256 and return that."""
    data = gzip.decompress((folder / name).read_bytes())
    digest = hashlib.sha256(data).hexdigest()
    files[f"{digest}.dtb"] = data
    return digest


def add_scenario(source: str, folder: Path, groups: dict[tuple[str, str], Group]) -> None:
    """Read one scenario folder into the groups its boots belong to."""
    expected = json.loads(gzip.decompress((folder / "expected.json.gz").read_bytes()))
    for release, result in sorted(expected["kernels"].items()):
        arch = result["kernel"]["arch"]
        group = groups.setdefault((source, arch), Group())
        boot = {key: value for key, value in result.items() if key not in ("dtb", "dtb_firmware")}
        digest = read_blob(folder, result["dtb"], group.files)
        if digest != result["dtb_sha256"]:
            raise SystemExit(f"{folder}: the blob of {release} is not the one that was booted")
        if result.get("dtb_firmware"):
            boot["dtb_firmware_sha256"] = read_blob(folder, result["dtb_firmware"], group.files)
        boot.update(
            source=source, scenario=expected["scenario"], title=expected["title"], tags=expected["tags"]
        )
        group.boots.append(boot)
        fragment = folder / f"{arch}.dts"
        if fragment.exists():
            group.files[f"{expected['scenario']}.dts"] = fragment.read_bytes()


def pack(files: dict[str, bytes]) -> bytes:
    """Return a tar of the files without anything that depends on when or by whom it was made."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        # Blobs of one scenario differ little between kernels: sorting by content lets xz see that.
        for name, data in sorted(
            files.items(), key=lambda item: (item[0].endswith(".dts"), item[1], item[0])
        ):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def compress(data: bytes) -> bytes:
    """Return the data as one .xz stream."""
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)


def write(dest: Path, groups: dict[tuple[str, str], Group]) -> None:
    """Write the archives and the index."""
    sources, path = {source for source, _ in groups}, dest / "index.json"
    index = json.loads(path.read_text()) if path.exists() else []
    index = [row for row in index if row["source"] not in sources]
    for (source, arch), group in sorted(groups.items()):
        group.boots.sort(key=lambda boot: (boot["scenario"], boot["kernel"]["release"]))
        lines = [json.dumps(boot, sort_keys=True, separators=(",", ":")) for boot in group.boots]
        (dest / f"{source}-{arch}.jsonl.xz").write_bytes(compress("".join(f"{x}\n" for x in lines).encode()))
        (dest / f"{source}-{arch}.tar.xz").write_bytes(compress(pack(group.files)))
        releases = Counter(boot["kernel"]["release"] for boot in group.boots)
        index.append({"source": source, "arch": arch, "boots": len(group.boots), "releases": dict(releases)})
    index.sort(key=lambda row: (row["source"], row["arch"]))
    path.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


def main() -> int:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("src", nargs="+", type=Path, help="folder of recorded scenarios")
    parser.add_argument("dest", type=Path, help="folder for the compressed data")
    args = parser.parse_args()
    groups: dict[tuple[str, str], Group] = {}
    for src in args.src:
        for expected in sorted(src.glob("*/expected.json.gz")):
            add_scenario(src.name, expected.parent, groups)
    args.dest.mkdir(parents=True, exist_ok=True)
    write(args.dest, groups)
    total = sum(path.stat().st_size for path in args.dest.glob("*.xz"))
    print(f"{sum(len(group.boots) for group in groups.values())} boots, {total} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
