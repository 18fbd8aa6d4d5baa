"""Downloads in progress, each of which reserves a use of its link."""

from __future__ import annotations

import time

from peewee import CharField, DeferredForeignKey

from chromi.db.base import BaseModel

MAX_DOWNLOAD_S = 6 * 3600
"""A download that has not ended by then was lost with its machine, and its use becomes available again. 30 MB
take as long at 1.4 kB/s; the server ends downloads below 1 kB/s."""


class Download(BaseModel):
    """A download of a link with limited uses. The row is deleted when it ends, complete or not."""

    link = DeferredForeignKey("Link", backref="downloads", on_delete="CASCADE")
    node = CharField(index=True)
    """The machine whose web server sends the file."""

    @classmethod
    def release_node(cls, node: str) -> int:
        """Delete a machine's downloads, none of which can be active when its web server starts."""
        return int(cls.delete().where(cls.node == node).execute())

    @classmethod
    def release_lost(cls) -> int:
        """Delete downloads that are older than MAX_DOWNLOAD_S."""
        return int(cls.delete().where(cls.created_at < time.time() - MAX_DOWNLOAD_S).execute())
