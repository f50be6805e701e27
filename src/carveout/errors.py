# SPDX-License-Identifier: Apache-2.0
"""Every error carveout raises on purpose, sorted by whose fault it is.

A bad *tree* is not an error: it is read, simulated and shown. These are for input that cannot be read,
for a question that cannot be answered, and for our own bugs.
"""

from __future__ import annotations


class CarveoutError(Exception):
    """The root of all errors raised by carveout."""


class InputError(CarveoutError):
    """Something given to carveout cannot be read (exit code 3)."""


class DtbFormatError(InputError):
    """A flattened device tree breaks the format.

    offset: byte offset in the blob of the first byte that is wrong, or None when no single place is.
    """

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        """Keep the offset beside the text, and put it in front of the text."""
        super().__init__(message if offset is None else f"offset 0x{offset:x}: {message}")
        self.offset = offset


class PropertyError(InputError, ValueError):
    """A property's value has another length or form than was asked for.

    path, name: the node and the property. offset: byte offset of the property in the blob.
    """

    def __init__(self, message: str, *, path: str, name: str, offset: int) -> None:
        """Keep the place beside the text, which names it already."""
        super().__init__(message)
        self.path = path
        self.name = name
        self.offset = offset


class OverlayError(InputError):
    """An overlay cannot be applied to this base tree. path: the fragment or property at fault."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        """Keep the path beside the text, and put it in front of the text."""
        super().__init__(message if path is None else f"{path}: {message}")
        self.path = path


class DtsSyntaxError(InputError):
    """A .dts cannot be compiled. file, line, column: 1-based place as dtc or cpp report it, or None."""

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, column: int | None = None
    ) -> None:
        """Keep the place beside the text, and put it in front of the text."""
        place = ":".join(str(part) for part in (file, line, column) if part is not None)
        super().__init__(f"{place}: {message}" if place else message)
        self.file = file
        self.line = line
        self.column = column


class KernelImageError(InputError):
    """A file is no kernel image, or one that is cut off or damaged."""


class KconfigError(InputError):
    """A kernel .config breaks the format. line: 1-based, or None when no single line is wrong."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        """Keep the line beside the text, and put it in front of the text."""
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class EfiMapError(InputError):
    """A text holds no EFI memory map that can be used. line: 1-based, or None when no single line is at fault."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        """Keep the line beside the text, and put it in front of the text."""
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class ObservationError(InputError):
    """What a running machine showed (/proc/iomem, /proc/version, ...) is not of the form it has."""


class TraceError(InputError):
    """A recorded trace of allocations breaks its format. line: 1-based, or None when no single line is wrong."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        """Keep the line beside the text, and put it in front of the text."""
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class VendorError(InputError):
    """A file that describes a vendor's kernel cannot be understood."""


class FirmwareError(InputError):
    """The firmware of a remote processor is no ELF file, or its headers lead nowhere."""


class UsageError(CarveoutError):
    """An option or argument makes no sense (exit code 2)."""


class EditError(UsageError, ValueError):
    """A change to a tree that cannot be made. path: the node that was to be changed or made, or None."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        """Keep the path beside the text, and put it in front of the text."""
        super().__init__(message if path is None else f"{path}: {message}")
        self.path = path


class SceneError(UsageError):
    """A scene contradicts itself, or one of its values cannot be understood."""


class UnsupportedProfile(UsageError):
    """A kernel, architecture or configuration about which carveout knows nothing."""


class ToolMissing(InputError):
    """A program that this input needs is not installed. The message says how to get it."""


class InternalError(CarveoutError):
    """An invariant of carveout does not hold: our bug (exit code 70)."""
