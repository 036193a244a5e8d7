"""Rows for many owners in one statement, however many there are."""

from collections.abc import Collection, Sequence
from functools import cache
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


def insert_once(row: models.Model) -> Any:
    """Save the row, and return its id; None where one that it must not be beside is there already.

    For what is written so often that making its SQL would count, as `update_returning()`.
    """
    model = type(row)
    connection = connections[router.db_for_write(model)]
    fields = [one for one in model._meta.local_concrete_fields if not one.primary_key]
    values = [one.get_db_prep_save(one.pre_save(row, add=True), connection) for one in fields]
    with connection.cursor() as cursor:
        cursor.execute(insert_sql(connection.vendor, model), values)
        found = cursor.fetchall()
    return found[0][0] if found else None


@cache
def insert_sql(vendor: str, model: type[models.Model]) -> str:
    """For one kind of database."""
    connection = connections[router.db_for_write(model)]
    name = connection.ops.quote_name
    fields = [one for one in model._meta.local_concrete_fields if not one.primary_key]
    columns = ", ".join(name(str(one.column)) for one in fields)
    places = ", ".join(placeholder(one, connection) for one in fields)
    table = name(model._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING RETURNING {name('id')}"


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


def update_returning(
    model: type[models.Model],
    columns: dict[str, Any],
    *,
    adds: dict[str, int],
    where: dict[str, Sequence[Any]],
    returning: tuple[str, ...],
) -> tuple[Any, ...] | None:
    """Write these fields of one row, add to those, and return some of it, in one statement; None where no row has one
    of the values that ``where`` gives for each field.

    For what is written so often that making its SQL would count: the ORM takes a millisecond for it.
    """
    connection = connections[router.db_for_write(model)]
    with connection.cursor() as cursor:
        asked = (model, tuple(columns), tuple(adds), tuple((name, len(some)) for name, some in where.items()))
        values = [prepared(model, name, value, connection) for name, value in columns.items()]
        known = [prepared(model, name, value, connection) for name, some in where.items() for value in some]
        cursor.execute(update_sql(connection.vendor, *asked, returning), [*values, *adds.values(), *known])
        rows = cursor.fetchall()
    return rows[0] if rows else None


@cache
def update_sql(
    vendor: str,
    model: type[models.Model],
    columns: tuple[str, ...],
    adds: tuple[str, ...],
    where: tuple[tuple[str, int], ...],
    returning: tuple[str, ...],
) -> str:
    """For one kind of database."""
    connection = connections[router.db_for_write(model)]
    quoted = {field.name: connection.ops.quote_name(str(field.column)) for field in model._meta.concrete_fields}
    places = {name: placeholder(model._meta.get_field(name), connection) for name in columns}
    sets = [f"{quoted[name]} = {places[name]}" for name in columns]
    sets += [f"{quoted[name]} = {quoted[name]} + %s" for name in adds]
    tests = [f"{quoted[name]} IN ({', '.join(['%s'] * count)})" for name, count in where]
    found = ", ".join(quoted[name] for name in returning)
    table = connection.ops.quote_name(model._meta.db_table)
    return f"UPDATE {table} SET {', '.join(sets)} WHERE {' AND '.join(tests)} RETURNING {found}"


def prepared(model: type[models.Model], name: str, value: Any, connection: Any) -> Any:
    field: Any = model._meta.get_field(name)
    return field.get_db_prep_save(value, connection)


def placeholder(field: Any, connection: Any) -> str:
    """Some types want a cast of what is sent for them."""
    return field.get_placeholder(None, None, connection) if hasattr(field, "get_placeholder") else "%s"
