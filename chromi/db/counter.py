"""What is counted for ever, however soon the rows go that it was counted from."""

from __future__ import annotations

from peewee import CharField, CompositeKey, DoubleField, IntegerField, Model

from chromi.db.base import database


class Counter(Model):
    """A count and a sum; the trigger in schema.py writes them as jobs end.

    `ended` by kind and state, `failure` by error code, `step` with seconds by step of a conversion.
    """

    name = CharField()
    label = CharField()
    count = IntegerField()
    sum = DoubleField()

    class Meta:
        database = database
        primary_key = CompositeKey("name", "label")

    @classmethod
    def named(cls, name: str) -> list[Counter]:
        return list(cls.select().where(cls.name == name).order_by(cls.label))
