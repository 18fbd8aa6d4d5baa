"""A kernel that refuses a system call, made of this one with seccomp."""

import struct
import sys

_REFUSE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))
steps = bytes.fromhex(sys.argv[1])
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(Program(len(steps) // 8, steps))) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""


def refusing(call: int, error: int, *, with_flags: bool = False) -> list[str]:
    """Give the words before a command whose calls fail, or only those whose second argument is not 0."""
    steps = [
        (0x20, 0, 0, 0),
        (0x15, 0, 3 if with_flags else 1, call),
        *([(0x20, 0, 0, 24), (0x15, 1, 0, 0)] if with_flags else []),
        (0x06, 0, 0, 0x00050000 | error),
        (0x06, 0, 0, 0x7FFF0000),
    ]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    return [sys.executable, "-I", "-S", "-c", _REFUSE, code.hex()]
