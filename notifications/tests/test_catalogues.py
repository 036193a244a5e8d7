"""The catalogues: whole, sound, and what readers get."""

import importlib.util
import re

import polib
import pytest
from django.conf import settings
from django.core.management import call_command
from django.urls import reverse
from django.utils import translation
from django.utils.html import strip_tags

from notifications.broadcasting import broadcast
from notifications.delivery import notify
from notifications.templatetags.belfry import COUNTED, EXAMPLES, counted

spec = importlib.util.spec_from_file_location("catalogues", settings.BASE_DIR / ".ci" / "catalogues.py")
sources = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sources)

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != "en"]
FORMS = {"de": 2, "ar": 6}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+(?::[^}]*)?\}|</?\w+>")
# Forms that stand for exactly one number may say it as a word: "one notification".
EXACT = {"de": {0}, "ar": {0, 1, 2}}
COUNTS = {"%(count)s", "%(number)s", "{count}", "{count:,}", "{n}"}


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture
def catalogue(language):
    return polib.pofile(str(settings.LOCALE_PATHS[0] / language / "LC_MESSAGES" / "django.po"))


def test_a_catalogue_has_every_text_of_the_sources_and_no_other(catalogue):
    assert set(sources.entries(catalogue)) == sources.texts()


def test_nothing_in_it_is_empty_fuzzy_obsolete_or_there_twice(catalogue):
    assert [entry.msgid for entry in catalogue.untranslated_entries()] == []
    assert [entry.msgid for entry in catalogue if entry.fuzzy or entry.obsolete] == []
    assert len(sources.entries(catalogue)) == len(catalogue)


def test_each_plural_has_all_forms_of_the_language(catalogue, language):
    plurals = [entry for entry in catalogue if entry.msgid_plural]
    assert f"nplurals={FORMS[language]};" in catalogue.metadata["Plural-Forms"]
    assert [entry.msgid for entry in plurals if sorted(entry.msgstr_plural) != list(range(FORMS[language]))] == []


def test_placeholders_and_tags_survive(catalogue, language):
    for entry in catalogue:
        one, many = parts_of(entry.msgid), parts_of(entry.msgid_plural or entry.msgid)
        for form, text in (entry.msgstr_plural or {None: entry.msgstr}).items():
            needed = (one & many) - COUNTS if form in EXACT[language] else many
            assert needed <= parts_of(text) <= one | many, (entry.msgid, text)


def parts_of(text):
    return set(PLACEHOLDER.findall(text))


def test_it_is_sorted_and_says_nothing_of_places_that_move(catalogue):
    assert [entry.msgid for entry in catalogue] == sorted((entry.msgid for entry in catalogue), key=str.casefold)
    assert [entry.msgid for entry in catalogue if entry.occurrences] == []


def test_quotes_are_those_of_the_language(catalogue):
    assert [entry.msgid for entry in catalogue if re.search(r'["“”]{2}|"', "".join(texts_of(entry)))] == []


def texts_of(entry):
    return [entry.msgstr, *entry.msgstr_plural.values()]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% load i18n %}{% translate 'It’s \"here\"' %}", ('It’s "here"', "", "")),
        ('{% load i18n %}{% translate "Save" context "for later" as word %}', ("Save", "", "for later")),
        (
            "{% load i18n %}{% blocktranslate trimmed %} Hello\n {{ name }} {% endblocktranslate %}",
            ("Hello %(name)s", "", ""),
        ),
        (
            "{% load i18n %}{% blocktranslate count n=x %}{{ n }} dog{% plural %}{{ n }} dogs{% endblocktranslate %}",
            ("%(n)s dog", "%(n)s dogs", ""),
        ),
        ('{{ day|date:_("l j F") }}', ("l j F", "", "")),
    ],
)
def test_texts_of_templates_are_found(source, expected):
    assert list(sources.texts_of_template(source)) == [expected]


def test_texts_of_code_are_found():
    source = '_("a " "b"); ngettext("{n} dog", "{n} dogs", n); pgettext("noun", "Sign"); _(name); other("text")'
    assert set(sources.texts_of_code(source)) == {("a b", "", ""), ("{n} dog", "{n} dogs", ""), ("Sign", "", "noun")}


def test_a_new_text_comes_in_empty_and_a_gone_one_goes(tmp_path, catalogue):
    lost, gone = catalogue[3], polib.POEntry(msgid="Nobody says this", msgstr="x")
    catalogue.remove(lost)
    catalogue.append(gone)
    catalogue.save(str(tmp_path / "django.po"))
    assert sources.update(tmp_path / "django.po") == 1
    after = polib.pofile(str(tmp_path / "django.po"))
    assert set(sources.entries(after)) == sources.texts()
    assert [entry.msgid for entry in after.untranslated_entries()] == [lost.msgid]


def test_compiling_takes_what_has_changed_and_needs_no_gettext(tmp_path, settings, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    settings.LOCALE_PATHS = [tmp_path]
    source = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Tower"\nmsgstr "Türmchen"\n'
    )
    call_command("compile_catalogues")
    call_command("compile_catalogues")
    assert capsys.readouterr().out.count("Compiled") == 1
    assert polib.mofile(str(source.with_suffix(".mo"))).find("Tower").msgstr == "Türmchen"
    assert len(list(source.parent.iterdir())) == 2


def test_scripts_know_every_form_of_what_they_count(language):
    with translation.override(language):
        for what, words in COUNTED.items():
            forms = {words(n) for n in range(300)}
            assert forms == {words(n) for n in EXAMPLES}
            assert f'[11, "{words(11)}"]' in counted(what)


# No page shows an English sentence of ours.


def sentences():
    """The longer texts of ours, without what stands in for something, as far as they go before it."""
    for text in sources.texts():
        for one in filter(None, (text.text, text.many)):
            for piece in PLACEHOLDER.split(one):
                if len(piece.split()) >= 3:
                    yield piece.strip()


@pytest.fixture
def reader(language, chi, dana):
    person = {"de": chi, "ar": dana}[language]
    person.is_staff = True
    person.save()
    return person


@pytest.fixture
def said(reader):
    """Something of each kind in the reader's inbox, and a broadcast by the reader."""
    notify(reader, verb="comment.added", actor=reader, target="Docs", category="comments", key="talk")
    notify(reader, title="Πυργος", body="Αλφα", category="security", key="plain", level="warning")
    return broadcast(
        "Βητα", body="Γαμμα", audience="everyone", placement="both", asks_acknowledgement=True, author=reader
    )


def pages(said):
    lists = [
        reverse("notifications:inbox") + f"?view={view}" for view in ("all", "unread", "saved", "snoozed", "archived")
    ]
    yield from lists
    yield reverse("notifications:inbox") + "?q=nothing"
    yield from (reverse(f"notifications:{name}") for name in ("preferences", "broadcasts", "new_broadcast"))
    for key in ("plain", "talk", f"broadcast-{said.pk}"):
        yield from (reverse(f"notifications:{name}", args=[key]) for name in ("open", "more"))
    for name in ("broadcast", "edit_broadcast", "unacknowledged"):
        yield reverse(f"notifications:{name}", args=[said.pk])
    yield from (reverse(f"accounts:{name}") for name in ("profile", "password_change"))
    yield "/nowhere/"


@pytest.mark.django_db(transaction=True)
def test_no_page_shows_an_english_sentence_of_ours(client, reader, said, language):
    client.force_login(reader)
    ours = set(sentences())
    assert len(ours) > 100
    for path in pages(said):
        response = client.get(path)
        shown = " ".join(response.content.decode().split())
        assert f'lang="{language}"' in shown, path
        assert [one for one in ours if one in shown or one in strip_tags(shown)] == [], path
