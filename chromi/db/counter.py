"""Counters that outlive the rows they count."""

from __future__ import annotations

from peewee import CharField, CompositeKey, DoubleField, IntegerField, Model

from chromi.db.connection import database


class Counter(Model):
    """A count and a sum, updated by a trigger in schema.py when a job ends.

    The labels of `finished` are "kind state", those of `failure` are error codes, and those of `step` (whose
    sum is in seconds) are conversion steps.
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
