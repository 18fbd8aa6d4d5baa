"""All that links need, in one file, taken while the service runs.

A tar archive that is an instance folder when unpacked: rows, key, clips and backgrounds. The rows are copied
first, in one piece, by SQLite's own backup; a file whose row came later is an orphan that the sweep removes.
Not in it: the queue (the sweep makes it anew from the rows) and what a running job was working on.
"""

from __future__ import annotations

import io
import os
import secrets
import sqlite3
import tarfile
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from chromi.atomic_files import flush
from chromi.config import Settings
from chromi.errors import ServiceUnhealthy
from chromi.storage import Storage


def write_backup(settings: Settings, destination: Path) -> int:
    """Write the backup to a file that is not there yet, complete or not at all; gives its number of files.

    Only its owner can read it: it has the key that signs the links. Raises ServiceUnhealthy and OSError.
    """
    if os.path.lexists(destination):
        raise ServiceUnhealthy(
            f"{destination} is there already. A backup replaces nothing: give it another name."
        )
    if not (settings.instance / "chromi.db").is_file():
        raise ServiceUnhealthy(f"There is no database in {settings.instance} (CHROMI_INSTANCE).")
    partial = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            count = _write(settings, file)
            flush(file)
        _publish(partial, destination)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _write(settings: Settings, file: io.BufferedWriter) -> int:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        storage = Storage(settings.instance)
        storage.create_folders()
        # Among the work in progress: should this process be killed, the sweep removes it.
        with tempfile.TemporaryDirectory(dir=storage.work, prefix="backup-") as folder:
            copy = Path(folder) / "chromi.db"
            copy_database(settings.instance / copy.name, copy)
            _add(archive, copy, copy.name)
        _add(archive, settings.instance / "secret_key", "secret_key")
        for path in (*_kept(storage.uploads), *_kept(storage.results)):
            _add(archive, path, f"media/{path.parent.name}/{path.name}")
        return len(archive.getmembers())


def copy_database(source: Path, copy: Path) -> None:
    """Copy a database as it is at one moment, while others write to it; the copy has no log beside it."""
    with closing(sqlite3.connect(source, timeout=30)) as rows, closing(sqlite3.connect(copy)) as copied:
        rows.backup(copied)
        copied.execute("PRAGMA journal_mode = delete")


def _kept(folder: Path) -> list[Path]:
    """What has its name for good; the rest is being written at this moment."""
    return sorted(path for path in folder.glob("*") if not path.name.startswith((".", "incoming-")))


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file as long as it is at this moment; one that has gone meanwhile had expired."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        member = archive.gettarinfo(arcname=name, fileobj=file)
        member.mode = 0o600
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        archive.addfile(member, file)


def _publish(partial: Path, destination: Path) -> None:
    """Give it its name, unless somebody else has taken that meanwhile."""
    try:
        os.link(partial, destination)
    except FileExistsError as error:
        raise ServiceUnhealthy(f"{destination} is there already.") from error
    except OSError:  # a volume without hard links
        os.rename(partial, destination)
    folder = os.open(destination.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
