"""Which files a program may open, as the kernel's Landlock takes it: by ruleset, without any privilege.

What a program has open already stays open to it, and it may still ask whether a path is there. See
Documentation/userspace-api/landlock.rst of Linux.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Sequence
from pathlib import Path

_CREATE_RULESET, _ADD_RULE = 444, 445  # the same on every processor
_TELL_ABI = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE, _READ, _LIST, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_RUN = _READ | _EXECUTE
_ELF_64_BIT = b"\x7fELF\x02\x01"  # little-endian
_PT_INTERP = 3

# What each version of the interface (from 1 on) can forbid: file, network and scope, as bits.
_FILE_RIGHTS = (13, 14, 15, 15, 16)
TCP_FROM, _TCP = 4, 0b11  # bind, connect
SCOPES_FROM, _SCOPES = 6, 0b11  # abstract sockets, signals

_LIBRARIES = tuple(
    Path(path)
    for path in (
        *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib"),
        *("/etc/ld.so.cache", "/nix/store"),
    )
)
_DEVICES = (Path("/dev/null"), Path("/dev/zero"), Path("/dev/random"), Path("/dev/urandom"))

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def find_abi() -> int:
    """Return the version of Landlock that this kernel has, 0 for none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _TELL_ABI)))


def make_ruleset(abi: int, program: Path, *, reads: Sequence[Path], writes: Sequence[Path]) -> int:
    """Return a descriptor of the ruleset that forbids all that version `abi` can, with these exceptions.

    `program` may be run, by the loader that it names; the libraries of the system and those in the `lib`
    beside its folder may be read, as the files `reads`, and the files `writes` read and written; what is not
    there is left out. No file can be made, removed or renamed. Raises OSError.
    """
    real = program.resolve()
    write = _rights(abi) & (_READ | _WRITE | _TRUNCATE)
    allowed = dict.fromkeys((*_LIBRARIES, real.parent.parent / "lib", *reads), _READ)
    allowed |= dict.fromkeys((*writes, *_DEVICES), write)
    allowed |= dict.fromkeys((real, *_find_loader(real)), _RUN)
    ruleset = _create(abi)
    try:
        for path, rights in allowed.items():
            _allow(ruleset, path, rights)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def _find_loader(program: Path) -> list[Path]:
    """Return the loader that a program names, which the kernel starts with it; nothing for other files.

    See the program headers in elf(5).
    """
    with program.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or not head.startswith(_ELF_64_BIT):
            return []
        [headers_at] = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        file.seek(headers_at)
        headers = file.read(size * count)
        for at in range(0, len(headers) - 55, size):
            kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", headers, at)
            if kind == _PT_INTERP:
                file.seek(offset)
                return [Path(os.fsdecode(file.read(length).rstrip(b"\0")))]
    return []


def _rights(abi: int) -> int:
    """Return all rights to files that this version knows, as bits."""
    return (1 << _FILE_RIGHTS[min(abi, len(_FILE_RIGHTS)) - 1]) - 1


def _create(abi: int) -> int:
    forbidden = [_rights(abi)]
    if abi >= TCP_FROM:
        forbidden.append(_TCP)
    if abi >= SCOPES_FROM:
        forbidden.append(_SCOPES)
    attributes = struct.pack(f"={len(forbidden)}Q", *forbidden)
    return _checked(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if stat.S_ISDIR(os.fstat(target).st_mode):
            rights |= _LIST
        rule = struct.pack("=Qi", rights, target)
        _checked(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
    finally:
        os.close(target)


def _checked(answer: int) -> int:
    if answer < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return answer
