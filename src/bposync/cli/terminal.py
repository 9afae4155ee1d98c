"""What a stream can do: whether people look at it, how wide it is, whether it shows colour, which characters it holds."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

NARROWEST: Final = 20
"""Below this many columns nothing is made to fit any more."""
_USUAL: Final = 80
_VIRTUAL_TERMINAL: Final = 0x0004  # of Windows' console modes: it understands escape sequences


def is_terminal(stream: TextIO) -> bool:
    """Tell whether people look at a stream; a closed one nobody looks at."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def width_of(stream: TextIO) -> int:
    """Give how many cells a line of a terminal has: as $COLUMNS says, else as the terminal itself does."""
    with contextlib.suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return max(columns, NARROWEST)
    columns = 0
    with contextlib.suppress(OSError, ValueError, AttributeError):
        columns = os.get_terminal_size(stream.fileno()).columns
    columns = columns or _USUAL
    # Windows' own console goes on to the next line once the last cell is filled, and leaves an empty one behind.
    return max(columns - (sys.platform == "win32"), NARROWEST)


def acts(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal on which something can be written over, as a progress line is."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb" and _speaks_escapes(stream)


def is_coloured(stream: TextIO) -> bool:
    """Tell whether a stream shows colour, and nobody asked for none (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and acts(stream)


def holds(stream: TextIO, text: str) -> bool:
    """Tell whether a stream can hold a text; one without an encoding holds any."""
    try:
        text.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError, AttributeError):
        return False
    return True


def as_held(stream: TextIO, text: str) -> str:
    """Give a text as a stream shows it: what an old code page lacks is escaped, and takes that much room."""
    if text.isascii():
        return text
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _speaks_escapes(stream: TextIO) -> bool:
    if sys.platform != "win32":
        return True
    import ctypes
    import msvcrt

    mode = ctypes.c_ulong()
    try:
        handle = msvcrt.get_osfhandle(stream.fileno())
    except (OSError, ValueError):
        return False
    kernel = ctypes.windll.kernel32
    return bool(
        kernel.GetConsoleMode(handle, ctypes.byref(mode)) and kernel.SetConsoleMode(handle, mode.value | _VIRTUAL_TERMINAL)
    )
