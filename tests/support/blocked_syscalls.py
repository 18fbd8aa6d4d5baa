"""Simulate a kernel that rejects a system call, using a seccomp filter."""

import struct
import sys

_INSTALL_FILTER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class SockFprog(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))
bpf = bytes.fromhex(sys.argv[1])
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(SockFprog(len(bpf) // 8, bpf))) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""


def block_syscall(number: int, error: int, *, with_flags: bool = False) -> list[str]:
    """Return a command prefix: in the command after it, this system call fails with `error`.

    With `with_flags`, only calls whose second argument is not 0 fail.
    """
    instructions = [
        (0x20, 0, 0, 0),
        (0x15, 0, 3 if with_flags else 1, number),
        *([(0x20, 0, 0, 24), (0x15, 1, 0, 0)] if with_flags else []),
        (0x06, 0, 0, 0x00050000 | error),
        (0x06, 0, 0, 0x7FFF0000),
    ]
    bpf = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    return [sys.executable, "-I", "-S", "-c", _INSTALL_FILTER, bpf.hex()]
