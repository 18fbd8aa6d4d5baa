"""A real PostgreSQL server on a free port, in a temporary folder."""

import os
import pwd
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.support.ports import find_free_port

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
"""Debian's programs. They are not in the PATH."""
USER = "chromi"
PASSWORD = "a password: with/special@characters"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
}


@dataclass
class PostgresServer:
    """A server that a test may stop and start."""

    folder: Path
    port: int
    durable: bool

    def url(self, database: str = "postgres", *, password: str = PASSWORD) -> str:
        quoted = password.replace(":", "%3A").replace("/", "%2F").replace("@", "%40").replace(" ", "%20")
        return f"postgresql://{USER}:{quoted}@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # noqa: S608  our own name
        return self.url(name)

    def create_database_without_privileges(self) -> str:
        """Create an empty database, and return its URL for a user who may not create tables in it."""
        url, user = self.create_database(), f"user_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'password'")
        return f"postgresql://{user}:password@127.0.0.1:{self.port}/{url.rpartition('/')[2]}"

    def reset_database(self, url: str) -> None:
        """Restore the rows that a migrated database had at the first call, and disconnect its clients."""
        with psycopg.connect(url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("CREATE SCHEMA IF NOT EXISTS first_rows")
            connection.execute("SET session_replication_role = replica")  # ignores foreign keys and triggers
            query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            for (name,) in connection.execute(query).fetchall():
                connection.execute(f"CREATE TABLE IF NOT EXISTS first_rows.{name} AS TABLE public.{name}")
                connection.execute(f"DELETE FROM public.{name}")  # noqa: S608  our own names
                connection.execute(f"INSERT INTO public.{name} TABLE first_rows.{name}")

    def start(self) -> None:
        settings = SETTINGS | {"fsync": "on" if self.durable else "off"}
        options = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in settings.items())
        self._control("start", "-l", str(self.folder / "log"), "-o", f"-p {self.port} {options}")

    def stop(self, mode: str = "fast") -> None:
        self._control("stop", "-m", mode)

    def initialize(self) -> None:
        password_file = self.folder / "password"
        password_file.write_text(PASSWORD)
        _give_to_server_user(self.folder)
        options = (
            "-U",
            USER,
            "--pwfile",
            str(password_file),
            "-A",
            "scram-sha-256",
            "--no-sync",
            "-E",
            "UTF8",
        )
        _run("initdb", "-D", str(self.folder / "data"), *options, "--locale=C.UTF-8")

    def _control(self, command: str, *options: str) -> None:
        _run("pg_ctl", command, "-w", "-t", "60", "-D", str(self.folder / "data"), *options)


@contextmanager
def run_postgres(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Run a server until the end of the block. Skips the test without PostgreSQL, or fails it in CI.

    If it is not `durable`, its databases would not survive a power failure.
    """
    if not PROGRAMS.exists():
        reason = f"{PROGRAMS} is missing: apt-get install postgresql"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    port = find_free_port()
    # Not in pytest's folders, which the server's user cannot enter.
    with tempfile.TemporaryDirectory(prefix="chromi-postgres-") as folder:
        server = PostgresServer(Path(folder), port, durable)
        server.initialize()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")  # does not write what is about to be deleted


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL, which refuses to run as root, as its own user."""
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [PROGRAMS / program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", **user
    )
    assert done.returncode == 0, done.stderr.decode()


def _give_to_server_user(folder: Path) -> None:
    """Let the server's user write the folder if the tests run as root."""
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
