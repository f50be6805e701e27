# SPDX-License-Identifier: Apache-2.0
"""A vendor's kernel: the file, and the profile it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from carveout.errors import UnsupportedProfile, VendorError
from carveout.kernel import resolve
from carveout.kernel.vendor import Vendor, parse_vendor

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "vendors"


def test_the_example_changes_what_it_names_and_nothing_else() -> None:
    vendor = parse_vendor((EXAMPLES / "example-bsp-6.1.toml").read_bytes())
    base, changed = resolve("6.1", arch="arm64"), resolve(None, arch="arm64", vendor=vendor)
    assert changed.kernel == "6.1"
    assert changed.behaviour == base.behaviour._replace(memreserve="last", alloc_direction="neighbour")
    assert changed.config == base.config._replace(cma_size_mbytes=320)
    assert base.doubts == ()
    assert len(changed.doubts) == 1
    assert "example-bsp-6.1" in changed.doubts[0]


def test_what_the_user_says_wins_over_the_file() -> None:
    vendor = Vendor(name="v", base="6.1", behaviour=(("memreserve", "last"),))
    profile = resolve("6.12", arch="arm64", vendor=vendor, overrides={"memreserve": "first"})
    assert (profile.kernel, profile.behaviour.memreserve) == ("6.12", "first")


def test_switches_and_choices_of_the_config() -> None:
    text = b'name="v"\nbase="6.12"\n[config]\nCONFIG_DMA_CMA=false\nCMA_SIZE_SEL_MAX=true\nNR_CPUS=8\nCMDLINE="a b"\n'
    config = resolve(None, arch="arm64", vendor=parse_vendor(text)).config
    assert (config.dma_cma, config.cma_size_sel, config.nr_cpus, config.cmdline) == (False, "max", 8, "a b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("name = ", "is not TOML", id="toml"),
        pytest.param('base = "6.1"', "name: expected a string", id="no-name"),
        pytest.param('name = "v"\nbase = 6.1', "base: expected a string", id="number"),
        pytest.param('name = "v"\nbase = "6.1"\nextra = 1', "unknown key 'extra'", id="unknown"),
        pytest.param('name = "v"\nbase = "6.1"\nconfig = 1', "config: expected a table", id="table"),
        pytest.param('name = "v"\nbase = "6.1"\n[behaviour]\nx = [1]', r"behaviour\.x: expected", id="list"),
    ],
)
def test_wrong_files_are_refused(text: str, words: str) -> None:
    with pytest.raises(VendorError, match=words):
        parse_vendor(text.encode())


def test_names_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UnsupportedProfile, match="vendor v: colour=red: no such field"):
        resolve(None, arch="arm64", vendor=Vendor(name="v", base="6.1", behaviour=(("colour", "red"),)))
    with pytest.raises(UnsupportedProfile, match="expected one of first, last"):
        resolve(None, arch="arm64", vendor=Vendor(name="v", base="6.1", behaviour=(("memreserve", "x"),)))
    with pytest.raises(VendorError, match=r"config\.DRM: not an option that matters"):
        resolve(None, arch="arm64", vendor=Vendor(name="v", base="6.1", config=(("DRM", "y"),)))


def test_presets_are_modelled_and_say_what_they_are_made_of() -> None:
    debian, mainline = resolve("6.12", arch="arm64"), resolve("6.12", arch="arm64", preset="defconfig")
    assert (debian.config.cma_size_mbytes, mainline.config.cma_size_mbytes) == (64, 32)
    assert mainline.config.dma_restricted_pool
    assert "arch/arm64/configs/defconfig" in mainline.doubts[0]
    assert "cma_size_mbytes" in mainline.doubts[0]
    with pytest.raises(UnsupportedProfile, match="the built-in configurations are debian, defconfig"):
        resolve("6.12", arch="arm64", preset="gentoo")
