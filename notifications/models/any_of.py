"""``pk__any_of=ids``: as ``pk__in``, for thousands of whole numbers. They are one parameter, so that neither we nor the
database spend most of the time on reading the statement."""

from collections.abc import Iterable
from typing import Any

from django.db.models import IntegerField, Lookup

Sql = tuple[str, list[Any]]


@IntegerField.register_lookup
class AnyOf(Lookup):
    lookup_name = "any_of"
    prepare_rhs = False
    rhs: Iterable[int]

    def get_db_prep_lookup(self, value: Any, connection: Any) -> Any:
        return "%s", [",".join(map(str, value))]

    def as_sql(self, compiler: Any, connection: Any) -> Sql:  # type: ignore[override]
        """SQLite's."""
        return self._compared(compiler, connection, "{} IN (SELECT value FROM json_each(%s))", "[{}]")

    def as_postgresql(self, compiler: Any, connection: Any) -> Sql:
        return self._compared(compiler, connection, "{} = ANY(%s::bigint[])", "{{{}}}")

    def _compared(self, compiler: Any, connection: Any, sql: str, list_: str) -> Sql:
        column, parameters = self.process_lhs(compiler, connection)
        _, [numbers] = self.get_db_prep_lookup(self.rhs, connection)
        return sql.format(column), [*parameters, list_.format(numbers)]
