"""Brings the catalogues of locale/ up to the sources: new texts come in empty, gone ones go, and all are sorted.

    .venv/bin/python .ci/catalogues.py

It needs no gettext: templates are taken apart as Django does it, and Python by its own parser.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES, CODE = ("templates",), ("accounts", "config", "notifications")
# What a call of each of these names begins with: a context, a text, the text for many.
SHAPES = {
    "_": "t",
    "gettext": "t",
    "gettext_lazy": "t",
    "gettext_noop": "t",
    "ngettext": "tm",
    "ngettext_lazy": "tm",
    "pgettext": "ct",
    "pgettext_lazy": "ct",
    "npgettext": "ctm",
}
STRING = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
CALL = re.compile(rf"\b(_|gettext|ngettext|pgettext|npgettext)\(\s*({STRING}(?:\s*,\s*{STRING})*)")


class Text(NamedTuple):
    text: str
    many: str = ""
    context: str = ""


def texts() -> set[Text]:
    """Everything that the sources want translated."""
    found: set[Text] = set()
    for folder in TEMPLATES:
        for file in (ROOT / folder).rglob("*.*"):
            found |= set(texts_of_template(file.read_text()))
    for folder in CODE:
        for file in (ROOT / folder).rglob("*.py"):
            if not {"tests", "migrations"} & set(file.parts):
                found |= set(texts_of_code(file.read_text()))
    return found


def texts_of_template(source: str) -> Iterator[Text]:
    for name, given in CALL.findall(templatize(source)):
        yield text_of(SHAPES[name], [ast.literal_eval(one) for one in re.findall(STRING, given)])


def texts_of_code(source: str) -> Iterator[Text]:
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        given = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        if name in SHAPES and len(given) >= len(SHAPES[name]):
            yield text_of(SHAPES[name], given)


def text_of(shape: str, given: list[str]) -> Text:
    parts = dict(zip(shape, given, strict=False))
    return Text(parts["t"], parts.get("m", ""), parts.get("c", ""))


def catalogues() -> list[Path]:
    return sorted(ROOT.glob("locale/*/LC_MESSAGES/django.po"))


def entries(catalogue: polib.POFile) -> dict[Text, polib.POEntry]:
    return {Text(one.msgid, one.msgid_plural, one.msgctxt or ""): one for one in catalogue if not one.obsolete}


def update(path: Path) -> int:
    """How many texts of this catalogue are still to be translated."""
    catalogue = polib.pofile(str(path), wrapwidth=120)
    known = entries(catalogue)
    forms = int(re.search(r"nplurals=(\d+)", catalogue.metadata["Plural-Forms"])[1])
    catalogue.clear()
    for text in sorted(texts(), key=lambda one: (one.text.casefold(), one)):
        catalogue.append(known.get(text) or empty_entry(text, forms))
    catalogue.save()
    return len(catalogue.untranslated_entries())


def empty_entry(text: Text, forms: int) -> polib.POEntry:
    plurals = {"msgid_plural": text.many, "msgstr_plural": dict.fromkeys(range(forms), "")} if text.many else {}
    return polib.POEntry(msgid=text.text, msgctxt=text.context or None, **plurals)


if __name__ == "__main__":
    for path in catalogues():
        print(f"{path.relative_to(ROOT)}: {update(path)} texts to translate")
