"""Statements that Django puts together once.

It takes the ORM ten times as long to make the SQL of a small statement as the database to carry it out. Where one is
needed for every single notification, it is made with stand-ins for its values, kept, and carried out with others.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connections, models, router
from django.db.models.sql import Query, UpdateQuery


@dataclass(frozen=True)
class Slot:
    """The place of a value among the parameters."""

    at: int


class Prepared:
    """``make`` is given stand-ins for values and returns a query; called with values, the statement is carried out.

    Values are numbers, texts, times and UUIDs. What is answered is as the database gives it: rows, or for an update how
    many there were.
    """

    def __init__(self, model: type[models.Model], make: Callable[..., Query]) -> None:
        self._model, self._make = model, make
        self._made: dict[Any, tuple[str, list[Any]]] = {}

    def __call__(self, *values: Any) -> Any:
        connection = connections[router.db_for_write(self._model)]
        shape = (connection.vendor, *map(type, values))
        if shape not in self._made:
            self._made[shape] = self._prepare(connection, values)
        sql, params = self._made[shape]
        with connection.cursor() as cursor:
            cursor.execute(sql, [sent(values[one.at], connection) if isinstance(one, Slot) else one for one in params])
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def _prepare(self, connection: Any, values: tuple[Any, ...]) -> tuple[str, list[Any]]:
        stand_ins = [stand_in(value) for value in values]
        sql, params = self._make(*stand_ins).get_compiler(connection=connection).as_sql()
        slots = {sent(one, connection): Slot(at) for at, one in enumerate(stand_ins)}
        return sql, [slots.get(one, one) for one in params]


def updating(rows: models.QuerySet[Any], **columns: Any) -> Query:
    """The query of ``rows.update(**columns)``."""
    query: Any = rows.query.chain(UpdateQuery)
    query.add_update_values(columns)
    return query


def stand_in(value: Any) -> Any:
    """Another value of its type, which stands nowhere else."""
    if isinstance(value, datetime):
        return datetime(9000, 1, 1, tzinfo=UTC).replace(microsecond=secrets.randbelow(1_000_000))
    if isinstance(value, UUID):
        return uuid4()
    return secrets.randbits(60) if isinstance(value, int) else secrets.token_hex(16)


def sent(value: Any, connection: Any) -> Any:
    """As the database takes it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value
