"""Build Landlock rulesets, which restrict the files that a program may open. They need no privileges.

Files that are already open stay accessible, and a program can still test whether a path exists. See
Documentation/userspace-api/landlock.rst in the Linux source.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Sequence
from pathlib import Path

_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE = 444, 445  # the same on every architecture
_LANDLOCK_CREATE_RULESET_VERSION = 1
_LANDLOCK_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_ELF_64_BIT = b"\x7fELF\x02\x01"  # little-endian
_PT_INTERP = 3

# The rights that each ABI version can restrict, starting with version 1.
_FILE_RIGHTS_COUNTS = (13, 14, 15, 15, 16)
TCP_MIN_ABI, _TCP_RIGHTS = 4, 0b11  # bind, connect
SCOPES_MIN_ABI, _SCOPES = 6, 0b11  # abstract UNIX sockets, signals

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
    """Return this kernel's Landlock ABI version, or 0 if Landlock is unavailable."""
    no_attributes = (None, ctypes.c_size_t(0))
    version = _libc.syscall(_LANDLOCK_CREATE_RULESET, *no_attributes, _LANDLOCK_CREATE_RULESET_VERSION)
    return max(0, int(version))


def make_ruleset(abi: int, program: Path, *, reads: Sequence[Path], writes: Sequence[Path]) -> int:
    """Return the descriptor of a ruleset that denies everything ABI version `abi` can deny, with exceptions.

    `program` and its dynamic loader may be executed. The system's libraries, those in the `lib` folder next
    to the program's folder, and the files in `reads` may be read. The files in `writes` may be read and
    written. Paths that do not exist are skipped. No file can be created, removed or renamed. Raises OSError.
    """
    executable = program.resolve()
    write = _all_file_rights(abi) & (_READ_FILE | _WRITE_FILE | _TRUNCATE)
    allowed = dict.fromkeys((*_LIBRARIES, executable.parent.parent / "lib", *reads), _READ_FILE)
    allowed |= dict.fromkeys((*writes, *_DEVICES), write)
    allowed |= dict.fromkeys((executable, *_find_loader(executable)), _READ_FILE | _EXECUTE)
    ruleset = _create_ruleset(abi)
    try:
        for path, rights in allowed.items():
            _allow(ruleset, path, rights)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def _find_loader(program: Path) -> list[Path]:
    """Return the dynamic loader that an ELF program names, or an empty list for other files.

    See the program headers in elf(5).
    """
    with program.open("rb") as file:
        elf_header = file.read(64)
        if len(elf_header) < 64 or not elf_header.startswith(_ELF_64_BIT):
            return []
        [headers_offset] = struct.unpack_from("<Q", elf_header, 32)
        size, count = struct.unpack_from("<HH", elf_header, 54)
        file.seek(headers_offset)
        headers = file.read(size * count)
        for at in range(0, len(headers) - 55, size):
            segment_type, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", headers, at)
            if segment_type == _PT_INTERP:
                file.seek(offset)
                return [Path(os.fsdecode(file.read(length).rstrip(b"\0")))]
    return []


def _all_file_rights(abi: int) -> int:
    """Return the bit mask of all file rights in this ABI version."""
    return (1 << _FILE_RIGHTS_COUNTS[min(abi, len(_FILE_RIGHTS_COUNTS)) - 1]) - 1


def _create_ruleset(abi: int) -> int:
    handled = [_all_file_rights(abi)]
    if abi >= TCP_MIN_ABI:
        handled.append(_TCP_RIGHTS)
    if abi >= SCOPES_MIN_ABI:
        handled.append(_SCOPES)
    attributes = struct.pack(f"={len(handled)}Q", *handled)
    size = ctypes.c_size_t(len(attributes))
    return _raise_on_error(_libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, size, 0))


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if stat.S_ISDIR(os.fstat(target).st_mode):
            rights |= _READ_DIR
        rule = struct.pack("=Qi", rights, target)
        _raise_on_error(_libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(target)


def _raise_on_error(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return result
