"""The words of a notification, kept for searching: without capitals and accents, each once."""

import re
import unicodedata
from typing import Any

from django.db import models
from django.db.models import BooleanField, F, Func, Value

WORD_LIMIT = 60  # characters of one word; what follows is not looked at


def words_of(*texts: object) -> list[str]:
    """ "Tomás sails. She SAILS" is "sails", "she", "tomas"."""
    text = unicodedata.normalize("NFKD", " ".join(str(one) for one in texts))
    plain = "".join(letter for letter in text if not unicodedata.combining(letter)).casefold()
    return sorted({word[:WORD_LIMIT] for word in re.findall(r"[^\W_]+", plain)})


class WordsField(models.TextField):
    """A ``tsvector`` on PostgreSQL; elsewhere a text with a space before each word. In Python a list of words."""

    def db_type(self, connection: Any) -> str:
        return "tsvector" if connection.vendor == "postgresql" else "text"

    def get_prep_value(self, value: Any) -> list[str]:
        return list(value or ())

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> str:
        if connection.vendor == "postgresql":
            return " ".join(f"'{word}'" for word in value)
        return "".join(f" {word}" for word in value)

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        return "%s::tsvector" if connection.vendor == "postgresql" else "%s"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> list[str]:
        return (value or "").replace("'", "").split()


class HasWord(Func):
    """Whether a word begins like this one, which is as :func:`words_of` gives it: nothing in it has to be escaped."""

    output_field = BooleanField()

    def __init__(self, word: str):
        super().__init__(F("words"), Value(word))

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        words, word = self.get_source_expressions()
        column, _ = compiler.compile(words)
        if connection.vendor == "postgresql":
            return f"{column} @@ %s::tsquery", [f"'{word.value}':*"]
        return f"{column} LIKE %s", [f"% {word.value}%"]
