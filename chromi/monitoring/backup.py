"""Back up everything that links need into one file while the service is running.

The backup is a tar archive of an instance folder: database, key, clips and results. The database is copied
first, as a single snapshot, using SQLite's backup API. A file whose row was created later is an orphan, which
the cleanup removes. The queue is left out, because it is rebuilt from the jobs, and so is work in progress.
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

from chromi.atomic_files import atomic_publish
from chromi.config import Settings
from chromi.errors import ServiceUnhealthy
from chromi.storage import Storage, files_in


def write_backup(settings: Settings, destination: Path) -> int:
    """Write a complete backup to a new file, or write nothing. Return the number of files in it.

    Only its owner can read the backup, because it contains the key that signs the links. Raises
    ServiceUnhealthy and OSError.
    """
    if settings.database_url:
        raise ServiceUnhealthy(
            "The database is PostgreSQL. Back it up with pg_dump, and the files separately."
        )
    if os.path.lexists(destination):
        raise _already_exists(destination)
    if not (settings.instance / "chromi.db").is_file():
        raise ServiceUnhealthy(f"There is no database in {settings.instance} (CHROMI_INSTANCE).")
    partial = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.partial")
    file = _create_private(partial, destination)
    try:
        with file:
            count = _write_archive(settings, file)
        atomic_publish(partial, destination, overwrite=False)
    except FileExistsError as error:
        raise _already_exists(destination) from error
    finally:
        partial.unlink(missing_ok=True)
    return count


def _create_private(partial: Path, destination: Path) -> io.BufferedWriter:
    """Create the file that becomes the backup. Raises ServiceUnhealthy."""
    try:
        return open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise ServiceUnhealthy(f"Cannot write {destination}: {error.strerror}.") from error


def _already_exists(destination: Path) -> ServiceUnhealthy:
    return ServiceUnhealthy(
        f"{destination} already exists. A backup never overwrites a file: use another name."
    )


def _write_archive(settings: Settings, file: io.BufferedWriter) -> int:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        storage = Storage(settings.instance)
        storage.create_folders()
        # In the work folder, so the cleanup removes it if this process is killed.
        with tempfile.TemporaryDirectory(dir=storage.work, prefix="backup-") as folder:
            copy = Path(folder) / "chromi.db"
            copy_database(settings.instance / copy.name, copy)
            _add(archive, copy, copy.name)
        _add(archive, settings.instance / "secret_key", "secret_key")
        for path in (*_finished_files(storage.uploads), *_finished_files(storage.results)):
            _add(archive, path, f"media/{path.relative_to(storage.uploads.parent)}")
        return len(archive.getmembers())


def copy_database(source: Path, copy: Path) -> None:
    """Copy a snapshot of a database while others write to it. The copy has no write-ahead log."""
    with closing(sqlite3.connect(source, timeout=30)) as original, closing(sqlite3.connect(copy)) as target:
        original.backup(target)
        target.execute("PRAGMA journal_mode = delete")


def _finished_files(folder: Path) -> list[Path]:
    """List the files that have their final name. All other files are still being written."""
    return sorted(path for path in files_in(folder) if not path.name.startswith((".", "incoming-")))


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file with its current length. A missing file has expired in the meantime."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        member = archive.gettarinfo(arcname=name, fileobj=file)
        member.mode = 0o600
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        archive.addfile(member, file)
