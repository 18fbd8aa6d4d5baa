"""Counters that outlive the rows they were counted from."""

from __future__ import annotations

from peewee import CharField, CompositeKey, DoubleField, IntegerField, Model

from chromi.db.connection import database


class Counter(Model):
    """A count and a sum. A trigger in schema.py updates them when a job ends.

    `finished` by "kind state", `failure` by error code, `step` (sum in seconds) by step of a conversion.
    """

    name = CharField()
    label = CharField()
    count = IntegerField()
    sum = DoubleField()

    class Meta:
        database = database
        primary_key = CompositeKey("name", "label")

    @classmethod
    def list_by_name(cls, name: str) -> list[Counter]:
        return list(cls.select().where(cls.name == name).order_by(cls.label))
