"""Rows for many owners in one statement, however many there are."""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models, router


def insert_for_each(owners: models.QuerySet[Any], field: str, row: models.Model) -> int:
    """Save a copy of ``row`` for each of the owners, who are named by ``field``; what is there already stays as it is.

    Returns how many are new. ``bulk_create()`` would send every copy, to SQLite 49 at a time. The rows are made in the
    order of the owners' ids, so that two callers with the same keys wait for each other in one direction only.
    """
    connection = connections[router.db_for_write(type(row))]
    fields = {one.name: one for one in row._meta.local_concrete_fields if not one.primary_key}
    owner = fields.pop(field)
    values = [one.get_db_prep_save(one.pre_save(row, add=True), connection) for one in fields.values()]
    places = [placeholder(one, connection) for one in fields.values()]
    try:
        select, ids = owners.order_by().values(owner=models.F("pk")).query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return 0
    name = connection.ops.quote_name
    columns = ", ".join(name(str(one.column)) for one in (owner, *fields.values()))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {name(row._meta.db_table)} ({columns}) "
            f"SELECT owners.owner, {', '.join(places)} FROM ({select}) AS owners "
            f"WHERE true ORDER BY owners.owner ON CONFLICT DO NOTHING",
            [*values, *ids],
        )
        return cursor.rowcount


def update_each(rows: Collection[models.Model], names: list[str]) -> None:
    """Write these fields of each row. ``bulk_update()`` takes a second for a thousand rows, most of it for its SQL."""
    if not rows:
        return
    model = type(next(iter(rows)))
    connection = connections[router.db_for_write(model)]
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    quoted = connection.ops.quote_name
    columns = ", ".join(f"{quoted(field.column)} = {placeholder(field, connection)}" for field in fields)
    values = [
        (*(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields), row.pk) for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {quoted(model._meta.db_table)} SET {columns} WHERE id = %s", values)


def placeholder(field: Any, connection: Any) -> str:
    """Some types want a cast of what is sent for them."""
    return field.get_placeholder(None, None, connection) if hasattr(field, "get_placeholder") else "%s"
