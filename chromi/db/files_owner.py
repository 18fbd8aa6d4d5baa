"""The instance folder whose files belong to the database."""

from __future__ import annotations

from peewee import CharField

from chromi.db.base import BaseModel
from chromi.db.worker import Worker


class FilesOwner(BaseModel):
    """The folder with all files, if they are not in a bucket. A single row, created with the table.

    Machines that share a database but not the files would lose jobs, so only one folder may be in use.
    """

    node = CharField()
    """Storage.node of the folder, or empty if there is none yet."""

    class Meta:
        table_name = "files_owner"

    @classmethod
    def claim(cls, node: str) -> bool:
        """Record the folder, and return False if workers that use another one are alive."""
        claim = cls.update(node=node)
        if Worker.is_any_alive():
            claim = claim.where(cls.node.in_([node, ""]))
        return bool(claim.execute())

    @classmethod
    def is_owned_by(cls, node: str) -> bool:
        return bool(cls.select().where(cls.node == node).exists())
