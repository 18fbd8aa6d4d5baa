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

# What each version of the interface (from 1 on) can forbid: file, network and scope, as bits.
_FILE_RIGHTS = (13, 14, 15, 15, 16)
_TCP_FROM, _TCP = 4, 0b11  # bind, connect
_SCOPES_FROM, _SCOPES = 6, 0b11  # abstract sockets, signals

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

    `program` may be run, with the libraries of the system and those in the `lib` beside its folder; the files
    `reads` may be read, the files `writes` read and written; what is not there is left out. No file can be
    made, removed or renamed. Raises OSError.
    """
    real = program.resolve()
    write = _rights(abi) & (_READ | _WRITE | _TRUNCATE)
    allowed = {path: _RUN for path in (*_LIBRARIES, real, real.parent.parent / "lib")}
    allowed |= dict.fromkeys(reads, _READ) | dict.fromkeys((*writes, *_DEVICES), write)
    ruleset = _create(abi)
    try:
        for path, rights in allowed.items():
            _allow(ruleset, path, rights)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def _rights(abi: int) -> int:
    """Return all rights to files that this version knows, as bits."""
    return (1 << _FILE_RIGHTS[min(abi, len(_FILE_RIGHTS)) - 1]) - 1


def _create(abi: int) -> int:
    forbidden = [_rights(abi)]
    if abi >= _TCP_FROM:
        forbidden.append(_TCP)
    if abi >= _SCOPES_FROM:
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
