"""Pickles that call a function, in the ways that the format has, and files of them.

The call is `os.mkdir` of a canary: a test sees whether it happened.
"""

import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

EXTENSION = 0xE7  # a code of copyreg's registry that the tests borrow
ORDERED = b"ccollections\nOrderedDict\n"
MKDIR = b"cposix\nmkdir\n"
LEGACY = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]


class Call:
    """Pickles as the call of os.mkdir."""

    def __init__(self, canary: Path) -> None:
        self._canary = str(canary)

    def __reduce__(self):
        return os.mkdir, (self._canary,)


def text(value: str) -> bytes:
    """The opcode of a str."""
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def live(canary: Path) -> dict[str, bytes]:
    """Pickles that make the folder when `pickle.loads` reads them."""
    place = text(str(canary))
    by_name = text("posix") + text("mkdir") + b"\x93"
    python = f"__import__('os').mkdir({str(canary)!r})"
    hidden = {
        "in a state dict": OrderedDict([("conv1.weight", Call(canary))]),
        "in a checkpoint": {"net": {"conv1.weight": [1, (2, Call(canary))]}},
        "in a key": {(1, "x"): 2, ("y", Call(canary)): 3},
    }
    return {
        **{f"protocol {p}": pickle.dumps(Call(canary), p) for p in range(6)},
        **{how: pickle.dumps(value, 2) for how, value in hidden.items()},
        "GLOBAL": MKDIR + place + b"\x85R.",
        "STACK_GLOBAL": b"\x80\x04" + by_name + place + b"\x85R.",
        "INST": b"(S" + repr(str(canary)).encode() + b"\niposix\nmkdir\n.",
        "OBJ": b"(" + MKDIR + place + b"o.",
        "EXT1": b"\x80\x02\x82" + bytes([EXTENSION]) + place + b"\x85R.",
        "EXT2": b"\x80\x02\x83" + bytes([EXTENSION, 0]) + place + b"\x85R.",
        "EXT4": b"\x80\x02\x84" + bytes([EXTENSION, 0, 0, 0]) + place + b"\x85R.",
        "argument of an allowed call": ORDERED + MKDIR + place + b"\x85R\x85R.",
        "from the memo": MKDIR + b"q\x050h\x05" + place + b"\x85R.",
        "memo changed": (
            ORDERED + b"q\x050" + MKDIR + b"q\x050" + b"h\x05" + place + b"\x85R."
        ),
        "memoised": b"\x80\x04" + by_name + b"\x940h\x00" + place + b"\x85R.",
        "dotted": (
            b"\x80\x04"
            + text("os")
            + text("path.os.mkdir")
            + b"\x93"
            + place
            + b"\x85R."
        ),
        "dotted, of a module with harmless names": (
            b"\x80\x04"
            + text("argparse")
            + text("_os.mkdir")
            + b"\x93"
            + place
            + b"\x85R."
        ),
        "__setstate__ of an allowed object": (
            ORDERED + b")R}" + text("__setstate__") + MKDIR + b"sb" + place + b"b."
        ),
        "append of an allowed object": (
            ORDERED + b")R}" + text("append") + MKDIR + b"sb" + place + b"a."
        ),
        "eval": b"cbuiltins\neval\n" + text(python) + b"\x85R.",
        "exec in Python 2's words": b"c__builtin__\nexec\n" + text(python) + b"\x85R.",
        "map": (
            b"cbuiltins\nlist\ncbuiltins\nmap\n"
            + MKDIR
            + b"]"
            + place
            + b"a\x86R\x85R."
        ),
        "getattr": (
            b"cbuiltins\ngetattr\ncbuiltins\n__import__\n"
            + text("posix")
            + b"\x85R"
            + text("mkdir")
            + b"\x86R"
            + place
            + b"\x85R."
        ),
    }


def crafted(canary: Path) -> dict[str, bytes]:
    """Pickles that try the names and opcodes that our reader knows."""
    place = text(str(canary))
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n"
    call = MKDIR + place + b"\x85R"
    return {
        "name alone": MKDIR + b".",
        "in a persistent id": b"(" + text("storage") + call + b"tQ.",
        "persistent id of text": b"P" + str(canary).encode() + b"\n.",
        "state of a function": rebuild + b"}" + text("__code__") + place + b"sb.",
        "item of a function": rebuild + text("__globals__") + place + b"s.",
        "call of a value": place + b")R.",
        "call of a called": ORDERED + b")R)R.",
        "call of a module": b"c__torch__\nM\n)\x81" + place + b"\x85R.",
        "arguments that are none": ORDERED + b"NR.",
        "a module named as a function": b"c__torch__\nos.system\n" + place + b"\x85R.",
        "slots of a module": (
            b"c__torch__\nM\n)\x81N}" + text("__class__") + place + b"s\x86b."
        ),
        "new object with keywords": b"\x80\x04" + ORDERED + b")}\x92.",
        "name of no text": b"\x80\x04K\x01K\x02\x93.",
        "name of spaces": b"\x80\x04"
        + text("os")
        + text("system os.system")
        + b"\x93.",
        "tensor of a call": rebuild + b"(" + call + b"K\x00))\x89NtR.",
        "by the type's rebuild": (
            b"ctorch._tensor\n_rebuild_from_type_v2\n("
            + MKDIR
            + b"N"
            + place
            + b"\x85tR."
        ),
        "buffers outside": b"\x80\x05\x97.",
    }


def _zip(path: Path, parts: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(f"archive/{name}", content)


def _saved(path: Path, pickled: bytes) -> None:
    _zip(path, {"data.pkl": pickled, "version": b"3\n", "byteorder": b"little"})


def _torchscript(path: Path, pickled: bytes) -> None:
    value = text("visual") + pickled.removesuffix(b".")
    module = b"\x80\x02c__torch__.clip\nCLIP\n)\x81}(" + value + b"ub."
    parts = {"data.pkl": module, "constants.pkl": b"\x80\x02).", "version": b"6\n"}
    _zip(path, parts)


def _legacy(path: Path, pickled: bytes) -> None:
    start = b"".join(pickle.dumps(value, 2) for value in LEGACY)
    path.write_bytes(start + pickled + pickle.dumps([], 2))


def _legacy_keys(path: Path, pickled: bytes) -> None:
    start = b"".join(pickle.dumps(value, 2) for value in [*LEGACY, {}])
    path.write_bytes(start + pickled)


def _bare(path: Path, pickled: bytes) -> None:
    path.write_bytes(pickled if pickled[:1] == b"\x80" else b"\x80\x02" + pickled)


FILES: dict[str, Callable[[Path, bytes], None]] = {
    "zip": _saved,
    "TorchScript": _torchscript,
    "legacy": _legacy,
    "legacy keys": _legacy_keys,
    "bare": _bare,
}
