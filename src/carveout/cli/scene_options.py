# SPDX-License-Identifier: Apache-2.0
"""The options that describe a scene, the same for every verb that simulates, and the scene they give."""

from __future__ import annotations

from argparse import SUPPRESS, Namespace
from typing import TYPE_CHECKING

from carveout.boot.scene import Scene
from carveout.cli.parser import Once
from carveout.errors import EfiMapError, InputError, KconfigError, SceneError, UsageError, VendorError
from carveout.units import parse_address, parse_memory, parse_placed, parse_size
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from carveout.cli.parser import Parser
    from carveout.kernel.vendor import Vendor
    from carveout.span import Span

    Value = TypeVar("Value")

ARCHITECTURES = ("arm64", "arm", "riscv64", "powerpc64")
CPU_VA = ("39", "48", "52", "57")
PAGE_SIZES = (4 << 10, 16 << 10, 64 << 10)

_MAX_VENDOR = 1 << 20
_MAX_CONFIG = 16 << 20


class Option(NamedTuple):
    """One scene option. kind: `one` value, `many` values, a `flag`, or a `file`(s) named relative to a scene file."""

    name: str
    metavar: str
    help: str
    kind: str = "one"


OPTIONS = (
    Option(
        name="kernel", metavar="VERSION", help="kernel version, 5.10 to 7.2 (default: the newest booted one)"
    ),
    Option(
        name="preset", metavar="NAME", help="built-in kernel configuration: debian (default) or defconfig"
    ),
    Option(
        name="config", metavar="FILE", help="kernel .config, plain or gzip; overrides the preset", kind="file"
    ),
    Option(name="arch", metavar="ARCH", help=f"one of {', '.join(ARCHITECTURES)} (default: from the tree)"),
    Option(name="page-size", metavar="SIZE", help="4K, 16K or 64K (default: from the configuration)"),
    Option(
        name="memory",
        metavar="SIZE@BASE",
        help="RAM, for example 1G@0x40000000; repeatable; replaces the memory nodes",
        kind="many",
    ),
    Option(name="cmdline", metavar="TEXT", help="kernel command line (default: chosen/bootargs)"),
    Option(name="kernel-image", metavar="BASE+SIZE", help="what the kernel reserves for itself"),
    Option(
        name="image",
        metavar="FILE",
        help="the kernel: Image, zImage, vmlinux or EFI zboot, also gzip or zstd; gives the size",
        kind="file",
    ),
    Option(name="image-at", metavar="BASE", help="where it was loaded"),
    Option(name="dtb-at", metavar="BASE", help="where the device tree blob lies"),
    Option(name="initrd", metavar="BASE+SIZE", help="the initrd (default: linux,initrd-* of chosen)"),
    Option(name="efi", metavar="", help="booted through the EFI stub", kind="flag"),
    Option(
        name="efi-map", metavar="FILE", help="EFI memory map as efi=debug prints it, or a log", kind="file"
    ),
    Option(
        name="cpu-va",
        metavar="BITS",
        help="how wide the CPU's virtual addresses are: 48 or 52, on riscv64 39, 48 or 57",
    ),
    Option(
        name="opensbi",
        metavar="BASE+SIZE",
        help="riscv64: what OpenSBI keeps and adds to the tree, or none; repeatable, in tree order",
        kind="many",
    ),
    Option(name="overlay", metavar="FILE", help=".dtbo to apply first; repeatable, in order", kind="files"),
    Option(
        name="vendor",
        metavar="FILE",
        help="TOML file that says what a vendor's kernel does differently",
        kind="file",
    ),
    Option(
        name="behaviour",
        metavar="NAME=VALUE",
        help="override one decision of the kernel (a vendor's backport); repeatable",
        kind="many",
    ),
)

# What an option was given: values as text, True for a flag.
Given = dict[str, list[str]]


class SceneInput(NamedTuple):
    """A scene as the user gave it, with what has to be read beside it."""

    scene: Scene
    overlays: tuple[str, ...]
    inputs: tuple[str, ...]
    """Every file that was named, so that none is written over."""


def add_scene_options(parser: Parser, *, several: tuple[str, ...] = ()) -> None:
    """Add every scene option, and --scene, to a verb's parser.

    several: options that this verb takes more than once, one scene for each value; they are lists in the result.
    """
    group = parser.add_argument_group("scene: what the tree cannot say")
    scene_help = "TOML file with the options below as keys; options win"
    if "scene" in several:
        group.add_argument(
            "--scene", metavar="FILE", action="append", default=[], help=scene_help + "; repeatable"
        )
    else:
        group.add_argument("--scene", metavar="FILE", action=Once, help=scene_help)
    for option in OPTIONS:
        flag = f"--{option.name}"
        if option.kind == "flag":
            group.add_argument(flag, action="store_true", default=False, help=option.help)
        elif option.kind in ("many", "files") or option.name in several:
            more = "; repeatable" if option.name in several else ""
            group.add_argument(
                flag, action="append", default=[], metavar=option.metavar, help=option.help + more
            )
        else:
            group.add_argument(flag, metavar=option.metavar, action=Once, help=option.help)


def read_scene(args: Namespace) -> SceneInput:
    """Return the scene that parsed options, and the file given with --scene, describe.

    Raises SceneError or UsageError for values that make no sense, InputError for files that cannot be read.
    """
    return _scene_input(*_given(args))


def add_second_scene(parser: Parser) -> None:
    """Add every scene option once more with --b- in front, for a second scene that differs from the first in them."""
    group = parser.add_argument_group(
        "scene of the second boot, where it differs",
        "every option above with --b- in front, for example --b-kernel 7.2; --b-no-efi undoes --efi",
    )
    names = [("scene", "FILE"), *((option.name, option.metavar) for option in OPTIONS)]
    for name, metavar in names:
        kind = next((option.kind for option in OPTIONS if option.name == name), "file")
        if kind == "flag":
            group.add_argument(f"--b-{name}", action="store_true", default=False, help=SUPPRESS)
            group.add_argument(f"--b-no-{name}", action="store_true", default=False, help=SUPPRESS)
        elif kind in ("many", "files"):
            group.add_argument(f"--b-{name}", action="append", default=[], metavar=metavar, help=SUPPRESS)
        else:
            group.add_argument(f"--b-{name}", metavar=metavar, help=SUPPRESS)


def read_second_scene(args: Namespace) -> SceneInput | None:
    """Return the scene of the second boot: the first with what --b-... options say; None where they say nothing.

    Raises as read_scene() does.
    """
    values = vars(args)
    own = {name.removeprefix("b_"): value for name, value in values.items() if name.startswith("b_")}
    without = [option.name for option in OPTIONS if own.pop(f"no_{option.name}", False)]
    second = Namespace(**own)
    if not is_scene_given(second) and not without:
        return None
    given, inputs = _given(args)
    more, other_inputs = _given(second)
    merged = {name: value for name, value in _over(given, more).items() if name not in without}
    return _scene_input(merged, [*inputs, *other_inputs])


def _given(args: Namespace) -> tuple[Given, list[str]]:
    # What options and the scene file say, and the files that they name.
    given = _from_options(args)
    inputs: list[str] = []
    if args.scene is not None:
        from carveout.cli.scene_file import read_scene_file  # only with --scene: tomllib takes its time

        inputs.append(args.scene)
        given = _over(read_scene_file(args.scene), given)
    for option in OPTIONS:
        if option.kind in ("file", "files"):
            inputs += given.get(option.name, [])
    return given, inputs


def _scene_input(given: Given, inputs: list[str]) -> SceneInput:
    return SceneInput(scene=scene_of(given), overlays=tuple(given.get("overlay", ())), inputs=tuple(inputs))


def _from_options(args: Namespace) -> Given:
    given: Given = {}
    values: dict[str, object] = vars(args)
    for option in OPTIONS:
        value = values[option.name.replace("-", "_")]
        if isinstance(value, list):
            if value:
                given[option.name] = [str(item) for item in value]
        elif value is True:
            given[option.name] = ["yes"]
        elif isinstance(value, str):
            given[option.name] = [value]
    return given


def _over(file: Given, options: Given) -> Given:
    # The command line wins; overrides of behaviour are kept by name, the last one counts.
    merged = {**file, **options}
    if "behaviour" in file and "behaviour" in options:
        merged["behaviour"] = file["behaviour"] + options["behaviour"]
    if "kernel-image" in options:
        merged = {name: value for name, value in merged.items() if name in options or name[:5] != "image"}
    elif "image" in options or "image-at" in options:
        merged.pop("kernel-image", None)
    return merged


def is_scene_given(args: Namespace) -> bool:
    """Say whether parsed options say anything about the scene."""
    return bool(args.scene) or bool(_from_options(args))


def scene_of(given: Given) -> Scene:
    """Return the scene that options describe. Raises SceneError, UsageError, InputError as read_scene() does."""
    image = _image(given)
    return Scene(
        kernel=_one(given, "kernel", _kernel),
        preset=_one(given, "preset", _word) or Scene(kernel=None).preset,
        arch=_one(given, "arch", _arch),
        page_size=_page_size_given(given, image),
        memory=tuple(_read("memory", text, parse_memory) for text in given.get("memory", ())),
        cmdline=_one(given, "cmdline", str),
        kernel_image=_one(given, "kernel-image", parse_placed),
        image_at=image.at,
        image_size=image.size,
        image_arch=image.arch,
        dtb_at=_one(given, "dtb-at", parse_address),
        initrd=_one(given, "initrd", parse_placed),
        efi="efi" in given,
        efi_map=_one(given, "efi-map", _efi_map),
        cpu_va=_one(given, "cpu-va", _cpu_va),
        opensbi=_opensbi(given.get("opensbi")),
        config=_one(given, "config", _config),
        vendor=_one(given, "vendor", _vendor),
        behaviour=_behaviour(given.get("behaviour", [])),
    )


def _efi_map(path: str) -> str:
    from carveout.boot.efi_map import parse_efi_map  # only for EFI boots
    from carveout.cli.files import read_text

    text = read_text(path, what="an EFI memory map")
    try:
        parse_efi_map(text)
    except EfiMapError as error:
        raise InputError(f"{path}: {error}") from error
    return text


def _one(given: Given, name: str, parse: Callable[[str], Value]) -> Value | None:
    values = given.get(name)
    return _read(name, values[-1], parse) if values else None


def _read(name: str, text: str, parse: Callable[[str], Value]) -> Value:
    try:
        return parse(text)
    except SceneError as error:
        raise SceneError(f"--{name}: {error}") from error


def _kernel(text: str) -> str:
    if not text or not text.isprintable():
        raise SceneError(f"cannot read kernel version '{text}': expected for example 6.12")
    return text


def _word(text: str) -> str:
    if not text:
        raise SceneError("is empty: expected a name, for example debian")
    return text


def _arch(text: str) -> str:
    if text not in ARCHITECTURES:
        raise SceneError(f"unknown architecture '{text}': expected one of {', '.join(ARCHITECTURES)}")
    return text


def _page_size(text: str) -> int:
    size = parse_size(text)
    if size not in PAGE_SIZES:
        raise SceneError(f"no kernel has pages of '{text}': expected 4K, 16K or 64K")
    return size


def _cpu_va(text: str) -> int:
    if text not in CPU_VA:
        raise SceneError(f"cannot be '{text}': expected one of {', '.join(CPU_VA)}")
    return int(text)


def _opensbi(texts: list[str] | None) -> tuple[Span, ...] | None:
    if texts is None or texts == ["none"]:
        return None if texts is None else ()
    return tuple(_read("opensbi", text, parse_placed) for text in texts)


def _behaviour(pairs: list[str]) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise SceneError(
                f"--behaviour: cannot read '{pair}': expected NAME=VALUE, for example memreserve=last"
            )
        values[name] = value
    return values


class _Image(NamedTuple):
    # What --image and --image-at give; all None without them.
    at: int | None = None
    size: int | None = None
    arch: str | None = None
    page_size: int | None = None


def _image(given: Given) -> _Image:
    if "image" not in given and "image-at" not in given:
        return _Image()
    if "kernel-image" in given:
        raise UsageError("--kernel-image and --image say the same thing: give one of them")
    if "image" not in given:
        raise UsageError("--image-at needs --image FILE, whose header gives the size")
    at = _one(given, "image-at", parse_address)
    if at is None:
        raise UsageError(
            "--image needs --image-at BASE, the address it was loaded at, for example 0x40200000"
        )
    from carveout.cli.kernel_image import read_image_file

    info = read_image_file(given["image"][-1])
    if info.form == "zImage" and info.text_offset is not None:
        from carveout.boot.image import unpacked_at

        at = unpacked_at(at, info.text_offset)
    return _Image(at=at, size=info.image_size, arch=info.arch, page_size=info.page_size)


def _page_size_given(given: Given, image: _Image) -> int | None:
    asked = _one(given, "page-size", _page_size)
    if image.page_size is None:
        return asked
    if asked is not None and asked != image.page_size:
        raise SceneError(
            f"--image is a kernel with pages of {image.page_size >> 10}K, --page-size says {asked >> 10}K"
        )
    return image.page_size


def _vendor(path: str) -> Vendor:
    from carveout.cli.files import read_file
    from carveout.kernel.vendor import parse_vendor

    try:
        return parse_vendor(read_file(path, what="a vendor kernel in TOML", limit=_MAX_VENDOR))
    except VendorError as error:
        raise InputError(f"--vendor {path}: {error}") from error


def _config(path: str) -> bytes:
    from carveout.cli.files import read_file
    from carveout.kernel.kconfig import parse_kconfig

    data = read_file(path, what="a kernel .config", limit=_MAX_CONFIG)
    try:
        parse_kconfig(data)
    except KconfigError as error:
        raise InputError(f"--config {path}: {error}") from error
    return data
