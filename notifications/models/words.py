"""The words of a notification, kept for searching: without capitals and accents, each once."""

import re
import unicodedata
from typing import Any

from django.db import models
from django.db.models import BooleanField, F, Func, Q, Value

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


def has_word(word: str, vendor: str) -> Q:
    """Rows in which a word begins like this one, which is as :func:`words_of` gives it."""
    if vendor == "postgresql":
        return Q(Matches(word))
    return Q(Contains(word))


class Matches(Func):
    template = "%(expressions)s::tsquery"
    arg_joiner = " @@ "
    output_field = BooleanField()

    def __init__(self, word: str):
        super().__init__(F("words"), Value(f"'{word}':*"))


class Contains(Func):
    """Words hold nothing but letters and digits, so nothing has to be escaped."""

    template = "%(expressions)s"
    arg_joiner = " LIKE "
    output_field = BooleanField()

    def __init__(self, word: str):
        super().__init__(F("words"), Value(f"% {word}%"))
