# SPDX-License-Identifier: Apache-2.0
"""The recorded boots come out of their archives as they were put in."""

from __future__ import annotations

import hashlib

import pytest

from carveout.span import Span
from support.recordings import groups, recording, recordings, scene_of


def test_each_blob_is_the_one_that_was_booted() -> None:
    boots = recordings()
    assert all(hashlib.sha256(r.dtb).hexdigest() == r.dtb_sha256 for r in boots)
    assert all(r.fragment for r in boots)


def test_the_index_counts_what_is_there() -> None:
    for group in groups():
        found = recordings(arch=group.arch, source=group.source, release=group.release)
        assert len(found) == group.boots, group.id
        assert {(r.arch, r.source, r.release) for r in found} == {(group.arch, group.source, group.release)}


def test_a_recording_can_be_had_by_its_name() -> None:
    found = recording("cma-dyn__6.12.107+deb13-arm64-16k")
    assert (found.scenario, found.release, found.page_size) == ("cma-dyn", "6.12.107+deb13-arm64-16k", 16384)
    with pytest.raises(KeyError):
        recording("cma-dyn__2.6.12")


def test_the_scene_says_what_was_put_in() -> None:
    """6.1 on arm64 reserves itself from _stext, 64 KiB after the place the image was loaded to."""
    scene = scene_of(recording("cma-dyn__6.1.0-50-arm64"))
    assert scene.kernel == "6.1.0-50-arm64"
    assert scene.kernel_image == Span.sized(0x40210000, 0x2000000)
    assert scene.dtb_at is not None
    assert scene.initrd == Span.sized(0x48000000, 0xF821B)
    assert scene.cmdline is not None
    assert "memblock=debug" in scene.cmdline
    assert (scene.memory, scene.cpu_va, scene.behaviour) == ((), None, {})


@pytest.mark.parametrize(
    ("name", "image"),
    [
        pytest.param(
            "dyn-initrd-top__6.12.107+deb13-armmp", Span.sized(0x40300000, 0x152C190), id="arm-without-a-log"
        ),
        pytest.param("efi-3g__7.2.13+deb14-arm64", Span.sized(0xF0A00000, 0x2F00000), id="firmware-chose"),
    ],
)
def test_the_image_is_known_even_where_its_boot_logged_nothing(name: str, image: Span) -> None:
    assert scene_of(recording(name)).kernel_image == image


def test_candidates_of_a_run_of_equal_allocations_are_spread_out() -> None:
    regions = recording("dyn-12-same__6.1.0-50-arm64").regions
    assert {region.candidates for region in regions} == {tuple(range(0x7F400000, 0x80000000, 0x100000))}
