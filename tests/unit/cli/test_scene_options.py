# SPDX-License-Identifier: Apache-2.0
"""Scene options and scene files become a Scene."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from carveout.cli.main import main
from carveout.cli.parser import Parser
from carveout.cli.scene_options import SceneInput, add_scene_options, read_scene
from carveout.cli.several_scenes import add_several_scenes, read_scenes
from carveout.errors import CarveoutError, InputError, SceneError, UsageError
from carveout.span import Span
from support.boards import blob_of, node, text

if TYPE_CHECKING:
    from pathlib import Path


EFI_MAP = "efi: Processing EFI memory map:\nefi:   0x000040000000-0x00007fffffff [Conventional|   |WB]\n"


def read(*argv: str) -> SceneInput:
    parser = Parser("map", summary="")
    add_scene_options(parser)
    return read_scene(parser.parse_args(list(argv)))


def test_nothing_said_is_nothing_assumed() -> None:
    scene = read().scene
    assert (scene.kernel, scene.arch, scene.page_size, scene.memory, scene.cmdline) == (
        None,
        None,
        None,
        (),
        None,
    )
    assert (scene.preset, scene.efi, scene.dtb_at, scene.initrd) == ("debian", False, None, None)


def test_every_option_arrives(tmp_path: Path) -> None:
    config, efi_map = tmp_path / "config", tmp_path / "efi.log"
    config.write_bytes(b"CONFIG_CMA=y\n")
    efi_map.write_text(EFI_MAP)
    given = read(
        *("--kernel", "6.12", "--preset", "defconfig", "--arch", "arm64", "--page-size", "16K"),
        *("--memory", "1G@0x40000000", "--memory", "1G@0x880000000", "--cmdline", "cma=64M"),
        *("--kernel-image", "0x40200000+0x24f0000", "--dtb-at", "0x48000000", "--initrd", "0x49000000+8M"),
        *("--efi", "--efi-map", str(efi_map), "--cpu-va", "52", "--config", str(config)),
        *("--overlay", "a.dtbo", "--overlay", "b.dtbo", "--behaviour", "memreserve=last"),
    )
    scene = given.scene
    assert (scene.kernel, scene.preset, scene.arch, scene.page_size) == ("6.12", "defconfig", "arm64", 16384)
    assert scene.memory == (Span(0x40000000, 0x80000000), Span(0x880000000, 0x8C0000000))
    assert (scene.cmdline, scene.kernel_image) == ("cma=64M", Span(0x40200000, 0x426F0000))
    assert (scene.dtb_at, scene.initrd) == (0x48000000, Span(0x49000000, 0x49800000))
    assert (scene.efi, scene.efi_map, scene.cpu_va) == (True, EFI_MAP, 52)
    assert (scene.config, scene.behaviour) == (b"CONFIG_CMA=y\n", {"memreserve": "last"})
    assert given.overlays == ("a.dtbo", "b.dtbo")
    assert set(given.inputs) == {str(config), str(efi_map), "a.dtbo", "b.dtbo"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("Linux version 6.12\n", "efi.log: there is no EFI memory map in it", id="no-map"),
        pytest.param(EFI_MAP[:-8], "efi.log: line 2: .* not whole", id="cut-off"),
    ],
)
def test_a_file_without_an_efi_map_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "efi.log"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read("--efi", "--efi-map", str(path))


def test_a_packed_config_is_read_within_bounds(tmp_path: Path) -> None:
    path = tmp_path / "config.gz"
    packed = gzip.compress(b"CONFIG_CMA=y\n")
    path.write_bytes(packed)
    assert read("--config", str(path)).scene.config == packed
    path.write_bytes(gzip.compress(bytes(64 << 20)))
    with pytest.raises(InputError, match="larger than 16 MiB"):
        read("--config", str(path))
    path.write_bytes(packed[:-4])
    with pytest.raises(InputError, match="cut off"):
        read("--config", str(path))


def test_a_damaged_config_is_refused_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.config"
    path.write_bytes(b"CONFIG_CMA=y\nCONFIG CMA=y\n")
    with pytest.raises(InputError, match=r"broken\.config: line 2: cannot read 'CONFIG CMA=y'"):
        read("--config", str(path))


def test_a_vendor_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bsp.toml"
    path.write_text('name = "bsp"\nbase = "6.1"\n[behaviour]\nmemreserve = "last"\n')
    vendor = read("--vendor", str(path)).scene.vendor
    assert vendor is not None
    assert (vendor.name, vendor.base, vendor.behaviour) == ("bsp", "6.1", (("memreserve", "last"),))
    path.write_text("name = 1\n")
    with pytest.raises(InputError, match=r"bsp\.toml: name: expected a string"):
        read("--vendor", str(path))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--page-size", "8K"], "--page-size: no kernel has pages of '8K'"),
        (["--cpu-va", "47"], "--cpu-va: cannot be '47'"),
        (["--behaviour", "x"], "--behaviour: cannot read 'x': expected NAME=VALUE"),
        (["--image-at", "0x40200000"], "--image-at needs --image"),
        (["--image", "Image"], "--image needs --image-at"),
        (["--image", "Image", "--image-at", "0", "--kernel-image", "0+1"], "say the same thing"),
        (["--initrd", "0x49000000"], "--initrd: cannot read range"),
        (["--dtb-at", "there"], "--dtb-at: cannot read address 'there'"),
        (["--kernel", ""], "--kernel: cannot read kernel version"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(argv: list[str], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*argv)
    assert words in str(caught.value)


def image(path: Path, *, magic: bytes = b"ARM\x64", size: int = 0x24F0000, start: bytes = b"MZ\0\0") -> str:
    header = bytearray(64)
    header[: len(start)] = start
    header[16:24] = size.to_bytes(8, "little")
    header[56:60] = magic
    path.write_bytes(bytes(header) + b"code")
    return str(path)


def test_an_image_tells_its_size(tmp_path: Path) -> None:
    file = tmp_path / "Image"
    path = image(file)
    scene = read("--image", path, "--image-at", "0x40200000").scene
    assert (scene.image_at, scene.image_size, scene.kernel_image) == (0x40200000, 0x24F0000, None)
    assert (scene.image_arch, scene.page_size) == ("arm64", None)
    file.write_bytes(gzip.compress(file.read_bytes().ljust(4096, b"\0")))
    assert read("--image", path, "--image-at", "0x40200000").scene.image_size == 0x24F0000


def test_an_image_tells_its_page_size(tmp_path: Path) -> None:
    path = tmp_path / "Image"
    image(path)
    data = bytearray(path.read_bytes())
    data[24] = 0b100
    path.write_bytes(data)
    given = ("--image", str(path), "--image-at", "0x40200000")
    assert read(*given).scene.page_size == 16384
    assert read(*given, "--page-size", "16K").scene.page_size == 16384
    with pytest.raises(SceneError, match="pages of 16K, --page-size says 4K"):
        read(*given, "--page-size", "4K")


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"magic": b"\0\0\0\0"}, InputError, "neither an arm64 or riscv Image nor EFI zboot"),
        ({"magic": b"\0\0\0\0", "start": b"MZ\0\0zimg"}, InputError, "is an EFI zboot image whose payload"),
        ({"magic": b"\0\0\0\0", "start": b"\x7fELF"}, InputError, "is a 32-bit ELF file"),
        ({"magic": b"\0\0\0\0", "start": b"\x02\x21\x4c\x18"}, InputError, "compressed with lz4"),
        ({"size": 0}, InputError, "gives no image_size"),
    ],
)
def test_other_images_are_refused_with_the_way_out(
    changes: dict[str, bytes | int], error: type[CarveoutError], words: str, tmp_path: Path
) -> None:
    path = image(tmp_path / "Image", **changes)  # type: ignore[arg-type]
    with pytest.raises(error) as caught:
        read("--image", path, "--image-at", "0x40200000")
    assert words in str(caught.value)
    assert "--kernel-image BASE+SIZE" in str(caught.value)


def scene_file(folder: Path, text: str) -> str:
    path = folder / "board.toml"
    path.write_text(text)
    return str(path)


def test_a_scene_file_has_the_same_keys_and_options_win(tmp_path: Path) -> None:
    (tmp_path / "kconfig").write_bytes(b"CONFIG_CMA=y\n")
    path = scene_file(
        tmp_path,
        'kernel = "6.1"\npage-size = "4K"\nmemory = ["1G@0x40000000", "1G@0x880000000"]\n'
        'dtb_at = 0x48000000\nefi = true\nconfig = "kconfig"\noverlay = "cam.dtbo"\n'
        '[behaviour]\nmemreserve = "last"\nrefused_root_entries = 64\n',
    )
    given = read("--scene", path, "--kernel", "7.2", "--memory", "2G@0", "--behaviour", "memreserve=first")
    scene = given.scene
    assert (scene.kernel, scene.page_size, scene.dtb_at, scene.efi) == ("7.2", 4096, 0x48000000, True)
    assert scene.memory == (Span(0, 2 << 30),)
    assert scene.config == b"CONFIG_CMA=y\n"
    assert scene.behaviour == {"memreserve": "first", "refused_root_entries": "64"}
    assert given.overlays == (str(tmp_path / "cam.dtbo"),)
    assert path in given.inputs


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("memroy = 1", "unknown key 'memroy': did you mean 'memory'?"),
        ("kernel = 6.10", 'kernel: expected a string, for example "6.12"'),
        ("efi = 1", "efi: expected true or false"),
        ("memory = [1.5]", "memory: expected a string: SIZE@BASE"),
        ('memory = "1G"', "--memory: cannot read memory '1G'"),
    ],
)
def test_a_scene_file_with_a_mistake_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SceneError) as caught:
        read("--scene", scene_file(tmp_path, text))
    assert words in str(caught.value)


def test_a_scene_file_that_is_no_toml_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not TOML"):
        read("--scene", scene_file(tmp_path, "kernel"))


@pytest.mark.parametrize("verb", ["map", "check", "fit"])
def test_an_overlay_is_no_board(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # udmabuf issue 142: what an overlay reserves counts in the tree that the kernel is given, nowhere else.
    path = tmp_path / "camera.dtbo"
    target = {"target-path": text("/")}
    path.write_bytes(blob_of(node("fragment@0", target, node("__overlay__"))))
    assert main([verb, str(path), "--arch", "arm64"]) == 3
    assert "camera.dtbo: is an overlay" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("in_file", "options"),
    [
        pytest.param("", ["--overlay", "camera.dtbo"], id="for-all"),
        pytest.param('overlay = ["camera.dtbo"]\n', [], id="in-each-file"),
    ],
)
def test_an_overlay_is_applied_once_however_many_scenes_there_are(
    tmp_path: Path, in_file: str, options: list[str]
) -> None:
    argv = list(options)
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(in_file)
        argv += ["--scene", str(tmp_path / f"{name}.toml")]
    parser = Parser("map", summary="")
    add_several_scenes(parser)
    given = read_scenes(parser.parse_args(argv))
    assert [scene.name for scene in given.scenes] == ["a", "b"]
    assert [overlay.rpartition("/")[2] for overlay in given.overlays] == ["camera.dtbo"]


@pytest.mark.parametrize("option", ["--kernel", "--scene", "--cmdline", "--dtb-at"])
def test_a_second_value_is_refused_and_not_lost(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "board.dtb", "cma", option, "1", option, "2"]) == 2
    assert f"{option} is given twice" in capsys.readouterr().err
