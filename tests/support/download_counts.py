"""Read download counts from the database."""

from chromi.db import Download, Link, database


def one_time_uses() -> int:
    """Return the completed downloads of the only one-time link."""
    with database.connection_context():
        return int(Link.get(Link.max_uses == 1).uses)


def downloads_have_ended() -> bool:
    with database.connection_context():
        return not Download.select().exists()
