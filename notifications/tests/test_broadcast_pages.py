"""The pages on which staff write, publish and follow broadcasts."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from notifications import broadcast_numbers
from notifications.broadcast_numbers import numbers_of, readings_of
from notifications.models import Broadcast, Content, Inbox, Presence, clock
from notifications.models.broadcast import UNDO
from notifications.testing.dom import Document
from notifications.views import broadcast_form

pytestmark = pytest.mark.django_db(transaction=True)

NEW, PREVIEW, PEOPLE = "/broadcasts/new/", "/broadcasts/preview/", "/broadcasts/people/"
ACTS = ["publish", "cancel", "undo", "end", "withdraw", "discard", "remind"]
PLAIN = {
    "title": "The archive moves",
    "body": "On **Sunday**.",
    "level": "warning",
    "placement": "both",
    "is_dismissible": "on",
    "audience": "everyone",
    "when": "now",
    "key": "a-key-of-the-form",
}


@pytest.fixture(autouse=True)
def costs(monkeypatch):
    """However slow this machine is, nothing is too costly to be counted anew."""
    monkeypatch.setattr(broadcast_numbers, "COSTLY", float("inf"))
    monkeypatch.setattr(broadcast_numbers, "_kept", {})


@pytest.fixture
def ada(ada):
    """Staff, and allowed to broadcast."""
    ada.user_permissions.add(Permission.objects.get(codename="broadcast"))
    return ada


@pytest.fixture
def staff(client, ada):
    client.force_login(ada)
    return client


def text(response):
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def field_errors(response, name):
    return response.context["form"].errors.get(name, [])


def many(count):
    users = get_user_model()
    users.objects.bulk_create([users(username=f"person-{n:04}") for n in range(count)])


def addresses(pk):
    return [
        "/broadcasts/",
        NEW,
        PEOPLE,
        f"/broadcasts/{pk}/",
        f"/broadcasts/{pk}/edit/",
        f"/broadcasts/{pk}/unacknowledged/",
    ]


# Who may look.


def test_strangers_are_led_to_the_sign_in_page(client, draft):
    for path in addresses(draft.pk):
        assert client.get(path).url.startswith("/accounts/login/?next="), path


@pytest.mark.parametrize("kind", ["reader", "staff without the permission", "permission without being staff"])
def test_for_others_there_are_no_such_pages(client, draft, bo, kind):
    bo.is_staff = kind == "staff without the permission"
    bo.save()
    if kind == "permission without being staff":
        bo.user_permissions.add(Permission.objects.get(codename="broadcast"))
    client.force_login(bo)
    for path in addresses(draft.pk):
        assert client.get(path).status_code == 404, path
    posts = [NEW, PREVIEW, f"/broadcasts/{draft.pk}/edit/", *(f"/broadcasts/{draft.pk}/{act}/" for act in ACTS)]
    for path in posts:
        assert client.post(path, PLAIN).status_code == 404, path
    draft.refresh_from_db()
    assert (draft.state, Broadcast.objects.count()) == ("draft", 1)


def test_the_menu_leads_there_who_may(client, staff, bo):
    assert 'href="/broadcasts/"' in staff.get("/inbox/").content.decode()
    other = Client()
    other.force_login(bo)
    assert 'href="/broadcasts/"' not in other.get("/inbox/").content.decode()


@pytest.mark.parametrize("act", [*ACTS])
def test_acts_refuse_get(staff, draft, act):
    assert staff.get(f"/broadcasts/{draft.pk}/{act}/").status_code == 405


def test_acts_want_the_token_of_the_site(ada, draft):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert client.post(f"/broadcasts/{draft.pk}/publish/").status_code == 403


def test_a_broadcast_that_was_only_sent_to_oneself_has_no_page(staff, ada):
    trial = Broadcast.send_trial(Content(title="Lunch"), ada)
    assert staff.get(f"/broadcasts/{trial.pk}/").status_code == 404
    assert "Lunch" not in text(staff.get("/broadcasts/"))


# The list.


def test_the_empty_list_invites_to_write(staff):
    assert "Nothing has been said yet" in text(staff.get("/broadcasts/"))


def test_each_stands_in_the_section_of_its_state(staff, ada):
    later = now() + timedelta(days=1)
    for title, start in (("A draft", None), ("Runs", None), ("Comes", later), ("Is over", None), ("Was wrong", None)):
        Broadcast.draft(Content(title=title, starts_at=start), ada)
    made = {one.title: one for one in Broadcast.objects.all()}
    for title in ("Runs", "Comes", "Is over", "Was wrong"):
        made[title].publish(ada)
    made["Is over"].end(ada)
    made["Was wrong"].withdraw(ada)
    sections = {
        name: [one.title for one in some] for name, _title, some in staff.get("/broadcasts/").context["sections"]
    }
    assert sections == {
        "running": ["Runs"],
        "scheduled": ["Comes"],
        "drafts": ["A draft"],
        "past": ["Was wrong", "Is over"],
    }


def test_what_has_ended_by_the_clock_is_past_however_late_the_tick_is(staff, ada):
    over = Broadcast.draft(Content(title="Lunch", ends_at=now() + timedelta(hours=1)), ada)
    over.publish(ada)
    Broadcast.objects.update(ends_at=now() - timedelta(seconds=1))
    sections = {name: some for name, _title, some in staff.get("/broadcasts/").context["sections"]}
    assert sections["running"] == []
    assert [one.state_label for one in sections["past"]] == ["Ended"]


def test_the_past_comes_in_pages_and_costs_the_same_number_of_queries(staff, ada):
    def add(count):
        for _ in range(count):
            one = Broadcast.draft(Content(title="Lunch", audience="groups", groups=[cooks]), ada)
            one.publish(ada)
            one.end(ada)

    cooks = Group.objects.create(name="Cooks")

    def queries():
        with CaptureQueriesContext(
            connection,
        ) as asked:
            staff.get("/broadcasts/")
        return len(asked)

    add(3)
    few = queries()
    add(22)
    assert queries() == few
    assert len(staff.get("/broadcasts/?page=2").context["past"]) == 5


def test_the_list_refreshes_itself_with_a_part_of_the_page(staff, draft):
    part = staff.get("/broadcasts/", headers={"HX-Request": "true"}).content.decode()
    assert "Lunch" in part
    assert "<html" not in part


# Writing.


def test_a_draft_is_saved_with_all_that_was_typed(staff, ada, bo):
    group = Group.objects.create(name="Cooks")
    bo.groups.add(group)
    typed = {
        **PLAIN,
        "url": "https://example.com/",
        "audience": "groups",
        "groups": [group.pk],
        "asks_acknowledgement": "on",
    }
    typed |= {"when": "later", "starts_at": "2099-03-01T09:00", "ends_at": "2099-03-02T09:00"}
    answer = staff.post(NEW, {**typed, "do": "save"})
    made = Broadcast.objects.get()
    assert answer.url == f"/broadcasts/{made.pk}/"
    assert made.content == Content(
        title="The archive moves",
        body="On **Sunday**.",
        url="https://example.com/",
        level="warning",
        placement="both",
        is_dismissible=True,
        asks_acknowledgement=True,
        audience="groups",
        groups=[group],
        names=[],
        starts_at=datetime(2099, 3, 1, 9, tzinfo=UTC),
        ends_at=datetime(2099, 3, 2, 9, tzinfo=UTC),
    )
    assert (made.state, made.author) == ("draft", ada)


def test_publishing_from_the_form_publishes(staff, bo):
    staff.post(NEW, {**PLAIN, "do": "publish"})
    assert Broadcast.objects.get().state == "published"


def test_publishing_with_a_later_start_schedules(staff):
    staff.post(NEW, {**PLAIN, "do": "publish", "when": "later", "starts_at": "2099-03-01T09:00"})
    assert Broadcast.objects.get().state == "scheduled"


def test_a_double_click_makes_one_broadcast_that_is_published_once(staff):
    for _ in range(2):
        answer = staff.post(NEW, {**PLAIN, "do": "publish"})
        assert answer.url == Broadcast.objects.get().get_absolute_url()
    assert Broadcast.objects.get().events.filter(what="published").count() == 1


def test_the_same_form_with_other_words_in_two_tabs_loses_neither(staff):
    staff.post(NEW, {**PLAIN, "do": "save"})
    answer = staff.post(NEW, {**PLAIN, "title": "The archive stays", "do": "save"})
    assert Broadcast.objects.get().title == "The archive moves"
    assert answer.context["form"]["title"].value() == "The archive stays"
    assert "The archive moves" in text(answer)


def test_the_same_form_again_is_saved_over_the_first_where_its_conflict_says_so(staff):
    staff.post(NEW, {**PLAIN, "do": "save"})
    again = {**PLAIN, "title": "The archive stays"}
    answer = staff.post(NEW, {**again, "do": "save"})
    page = Document(answer.content.decode())
    address = page.find("#broadcast-form").get("action")
    assert address is not None
    staff.post(address, {**again, "do": "save", "version": page.inputs("#broadcast-form")["version"]})
    assert Broadcast.objects.get().title == "The archive stays"


@pytest.mark.parametrize("path", [NEW, PREVIEW])
@pytest.mark.parametrize("time", ["9999-12-31T23:59", "9999-12-31T23:59-12:00", "0001-01-01T00:00+12:00"])
def test_a_time_that_some_zones_cannot_say_is_explained(staff, ada, path, time):
    ada.time_zone = "Asia/Tokyo"
    ada.save()
    answer = staff.post(path, {**PLAIN, "when": "later", "starts_at": time, "ends_at": time, "do": "publish"})
    assert answer.status_code == 200
    assert field_errors(answer, "starts_at") == field_errors(answer, "ends_at") == ["This is too far away."]


def test_every_mistake_stands_at_its_field_and_all_that_was_typed_is_there(staff):
    wrong = {
        **PLAIN,
        "title": " ",
        "url": "javascript:alert(1)",
        "audience": "people",
        "names": "nobody\nnobody-else",
        "when": "later",
        "starts_at": "2020-01-01T09:00",
        "ends_at": "tomorrow",
        "level": "loud",
    }
    answer = staff.post(NEW, {**wrong, "do": "publish"})
    page = Document(answer.content.decode())
    for name in ("title", "url", "names", "starts_at", "ends_at", "level"):
        assert len(field_errors(answer, name)) == 1, name
    assert "nobody-else" in text(answer)
    assert page.inputs("#broadcast-form")["url"] == "javascript:alert(1)"
    assert Broadcast.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("title", "x" * 201, "This takes at most 200 characters, and has 201."),
        ("url", f"/{'x' * 2_000}", "This takes at most 2,000 characters, and has 2,001."),
        ("url", "example.org", "begins with https://"),
    ],
)
def test_what_is_too_long_or_no_address_is_said_in_plain_words(staff, name, value, why):
    answer = staff.post(NEW, {**PLAIN, name: value, "do": "save"})
    assert [why in error for error in field_errors(answer, name)] == [True]


def test_who_publishes_to_nobody_is_told_so(staff):
    group = Group.objects.create(name="Nobody yet")
    answer = staff.post(NEW, {**PLAIN, "audience": "groups", "groups": [group.pk], "do": "publish"}, follow=True)
    assert Broadcast.objects.get().state == "published"
    assert "reaches nobody yet" in text(answer)


def test_a_mistake_in_an_audience_that_is_not_chosen_does_not_matter(staff):
    staff.post(NEW, {**PLAIN, "names": "nobody", "groups": ["77"], "do": "save"})
    assert Broadcast.objects.get().audience == "everyone"


def test_a_start_in_the_past_is_explained_and_one_that_is_missing_too(staff):
    for start in ("", "2020-01-01T09:00"):
        answer = staff.post(NEW, {**PLAIN, "when": "later", "starts_at": start, "do": "publish"})
        assert len(field_errors(answer, "starts_at")) == 1


@pytest.mark.parametrize(
    ("local", "why"),
    [
        (
            "2099-03-29T02:30",
            "there is no 2:30 a.m. in Europe/Berlin: the clocks go forward. Choose 3:30 a.m. instead.",
        ),
        ("2099-10-25T02:30", "2:30 a.m. comes twice"),
    ],
)
def test_a_time_that_the_clock_skips_or_shows_twice_is_explained(staff, ada, local, why):
    ada.time_zone = "Europe/Berlin"
    ada.save()
    answer = staff.post(NEW, {**PLAIN, "when": "later", "starts_at": local, "do": "publish"})
    assert why in field_errors(answer, "starts_at")[0]
    assert Broadcast.objects.count() == 0


def test_times_are_the_authors_and_utc_stands_beside(staff, ada):
    ada.time_zone = "Asia/Beirut"
    ada.save()
    typed = {**PLAIN, "when": "later", "starts_at": "2099-01-10T09:00"}
    assert "That is Jan. 10, 2099, 7 a.m. UTC." in text(staff.post(PREVIEW, typed))
    staff.post(NEW, {**typed, "do": "save"})
    assert Broadcast.objects.get().starts_at == datetime(2099, 1, 10, 7, tzinfo=UTC)
    assert "(Asia/Beirut)" in text(staff.get(NEW))


def test_an_end_with_seconds_survives_an_edit_that_does_not_touch_it(staff, ada, draft):
    end = datetime(2099, 1, 10, 7, 0, 30, tzinfo=UTC)
    draft.rewrite(Content(title="Lunch", ends_at=end), ada)
    edit(staff, draft, title="Supper")
    draft.refresh_from_db()
    assert (draft.title, draft.ends_at) == ("Supper", end)


def edit(client, broadcast, **typed):
    """Open the form, change something, send it."""
    path = f"/broadcasts/{broadcast.pk}/edit/"
    given = form_values(client.get(path))
    return client.post(path, {**given, "do": "save", **typed})


def form_values(page):
    form = page.context["form"]
    values = {}
    for field in form:
        value = field.value()
        if value in (None, "", False):
            continue
        values[field.name] = value.strftime("%Y-%m-%dT%H:%M") if isinstance(value, datetime) else value
    return values


def test_sending_it_only_to_me_leaves_all_as_it_is(staff, ada, bo):
    answer = staff.post(NEW, {**PLAIN, "do": "trial"})
    trial = Broadcast.objects.get()
    assert (trial.is_trial, trial.state, list(trial.users())) == (True, "published", [ada])
    assert answer.context["form"]["title"].value() == "The archive moves"
    assert answer.context["form"]["key"].value() == PLAIN["key"]


def test_the_preview_button_shows_it_without_javascript(staff):
    answer = staff.post(NEW, {**PLAIN, "do": "preview"})
    assert "<strong>Sunday</strong>" in answer.content.decode()
    assert Broadcast.objects.count() == 0


# Many people.


def test_up_to_99_people_no_number_is_asked_for(staff, ada):
    many(98)
    staff.post(NEW, {**PLAIN, "do": "publish"})
    assert Broadcast.objects.get().state == "published"


@pytest.mark.parametrize("typed", ["", "99", "many"])
def test_from_100_people_on_it_is_not_published_without_their_number(staff, ada, typed):
    many(99)
    answer = staff.post(NEW, {**PLAIN, "do": "publish", "count": typed})
    assert "100 people" in field_errors(answer, "count")[0]
    assert Broadcast.objects.count() == 0


def test_with_the_right_number_it_is_published(staff, ada):
    many(1_203)
    staff.post(NEW, {**PLAIN, "do": "publish", "count": "1,204"})
    assert Broadcast.objects.get().state == "published"


def test_the_number_is_that_of_the_moment_of_publishing(staff, ada):
    many(99)
    assert "Publish to 100 people" in text(staff.post(PREVIEW, PLAIN))
    get_user_model().objects.create_user("late")
    answer = staff.post(NEW, {**PLAIN, "do": "publish", "count": "100"})
    assert "101 people" in field_errors(answer, "count")[0]


def test_a_draft_for_many_needs_no_number(staff, ada):
    many(99)
    staff.post(NEW, {**PLAIN, "do": "save"})
    assert Broadcast.objects.get().state == "draft"


def test_the_page_of_a_draft_for_many_leads_to_the_form_for_the_number(staff, draft):
    many(99)
    answer = staff.post(f"/broadcasts/{draft.pk}/publish/")
    assert answer.url == f"/broadcasts/{draft.pk}/edit/"
    draft.refresh_from_db()
    assert draft.state == "draft"


@pytest.mark.parametrize(("hours", "label"), [(None, "Publish to 100 people…"), (1, "Schedule for 100 people…")])
def test_its_button_says_what_it_will_do(staff, ada, hours, label):
    starts_at = now() + timedelta(hours=hours) if hours else None
    one = Broadcast.draft(Content(title="Lunch", starts_at=starts_at), ada)
    many(99)
    assert label in text(staff.get(one.get_absolute_url()))


def test_making_a_running_one_reach_many_asks_for_the_number(staff, ada, bo):
    one = Broadcast.draft(Content(title="Lunch", audience="people", names=("bo",)), ada)
    one.publish(ada)
    many(98)
    assert "100 people" in field_errors(edit(staff, one, audience="everyone"), "count")[0]
    assert edit(staff, one, audience="everyone", count="100").status_code == 302
    assert edit(staff, one, title="Supper").status_code == 302


# The session ran out.


def typed_and_signed(client, path=NEW, **more):
    author = client.get(path).context["author"]
    return {**PLAIN, "author": author, "do": "publish", **more}


def test_a_session_that_ran_out_loses_nothing_that_was_typed(staff, ada):
    form = typed_and_signed(staff)
    Session.objects.all().delete()
    answer = staff.post(NEW, form)
    assert answer.url == f"/accounts/login/?next={NEW}"
    back = staff.post(answer.url, {"username": "ada", "password": "belfry-demo"}, follow=True)
    assert back.request["PATH_INFO"] == NEW
    assert back.context["form"]["title"].value() == "The archive moves"
    assert "Your session had ended" in text(back)
    assert Broadcast.objects.count() == 0
    assert staff.get(NEW).context["form"]["title"].value() in (None, "")


def test_what_was_typed_is_given_back_to_nobody_else(staff, ada, chi):
    form = typed_and_signed(staff)
    Session.objects.all().delete()
    staff.post(NEW, form)
    chi.is_staff = chi.is_superuser = True
    chi.save()
    back = staff.post(f"/accounts/login/?next={NEW}", {"username": "chi", "password": "belfry-demo"}, follow=True)
    assert "The archive moves" not in text(back)


def test_strangers_and_far_too_much_fill_no_table(staff, ada, monkeypatch):
    form = typed_and_signed(staff)
    Session.objects.all().delete()
    Client().post(NEW, {**form, "author": "rubbish"})
    monkeypatch.setattr(broadcast_form, "TYPED_LIMIT", 10)
    Client().post(NEW, form)
    assert Session.objects.count() == 0


# Two at once.


def test_an_edit_over_somebody_elses_is_caught_and_nothing_is_lost(staff, draft, bo):
    form = form_values(staff.get(f"/broadcasts/{draft.pk}/edit/"))
    draft.rewrite(Content(title="Supper", body="Soup."), bo)
    path = f"/broadcasts/{draft.pk}/edit/"
    answer = staff.post(path, {**form, "title": "Brunch", "do": "save"})
    assert "Bo Lindqvist has changed it meanwhile" in text(answer)
    assert [(one["label"], one["theirs"]) for one in answer.context["differences"]] == [("Title", "Supper")]
    assert answer.context["form"]["title"].value() == "Brunch"
    draft.refresh_from_db()
    assert draft.title == "Supper"
    again = {**form_values(answer), "do": "save"}
    assert staff.post(path, again).status_code == 302
    draft.refresh_from_db()
    assert draft.title == "Brunch"


def test_an_edit_of_the_eleventh_name_is_caught_too(staff, bo):
    users = get_user_model()
    users.objects.bulk_create(users(username=f"u{n:02}") for n in range(20))
    names = [f"u{n:02}" for n in range(12)]
    draft = Broadcast.draft(Content(title="Lunch", audience="people", names=names), bo)
    path = f"/broadcasts/{draft.pk}/edit/"
    form = form_values(staff.get(path))
    draft.rewrite(Content(title="Lunch", audience="people", names=[*names[:11], "u18"]), bo)
    answer = staff.post(path, {**form, "names": "\n".join([*names[:11], "u19"]), "do": "save"})
    assert [one["label"] for one in answer.context["differences"]] == ["People"]
    assert "people" in draft.events.first().changes


def test_a_double_click_on_save_is_no_conflict_with_oneself(staff, draft):
    path = f"/broadcasts/{draft.pk}/edit/"
    form = {**form_values(staff.get(path)), "title": "Supper", "do": "save"}
    assert [staff.post(path, form).status_code for _ in range(2)] == [302, 302]
    assert draft.events.filter(what="edited").count() == 1


def test_saving_what_was_withdrawn_meanwhile_says_so_and_keeps_the_words(staff, running, bo):
    path = f"/broadcasts/{running.pk}/edit/"
    form = form_values(staff.get(path))
    running.withdraw(bo)
    answer = staff.post(path, {**form, "title": "Supper", "do": "save"})
    assert "Withdrawn" in text(answer)
    assert answer.context["form"]["title"].value() == "Supper"


def test_what_is_over_has_no_form(staff, running, ada):
    running.end(ada)
    assert staff.get(f"/broadcasts/{running.pk}/edit/").url == running.get_absolute_url()


def test_a_change_of_a_running_one_is_shown_again_only_on_demand(staff, running):
    shown = running.shown_revision
    edit(staff, running, title="Supper")
    running.refresh_from_db()
    assert running.shown_revision == shown
    edit(staff, running, title="Brunch", show_again="on")
    running.refresh_from_db()
    assert running.shown_revision > shown
    assert (running.title, running.state) == ("Brunch", "published")


def test_a_scheduled_one_that_shall_start_at_once_starts_with_the_next_tick(staff, ada):
    one = Broadcast.draft(Content(title="Lunch", starts_at=now() + timedelta(days=1)), ada)
    one.publish(ada)
    edit(staff, one, when="now", starts_at="")
    assert list(Broadcast.objects.due()) == [one]


# The preview.


def test_the_preview_is_made_of_the_partials_that_readers_get(staff, settings):
    answer = staff.post(PREVIEW, {**PLAIN, "asks_acknowledgement": "on"})
    names = {template.name for template in answer.templates}
    assert {f"notifications/_{part}.html" for part in ("banner", "notification", "toast")} <= names
    page = answer.content.decode()
    assert page.count("<strong>Sunday</strong>") >= 2
    assert page.count('<span class="banner-act-word">I have read this</span>') == 2
    assert 'data-scheme="light"' in page
    assert 'data-scheme="dark"' in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert Broadcast.objects.count() == 0


def test_the_preview_shows_what_there_is_of_a_form_with_mistakes(staff):
    page = text(staff.post(PREVIEW, {**PLAIN, "audience": "people", "names": "nobody\nada", "url": "javascript:x"}))
    assert "The archive moves" in page
    assert "Publish to 1 person" in page


def test_the_preview_shows_only_the_places_that_are_chosen(staff):
    assert "Not shown as a banner" in text(staff.post(PREVIEW, {**PLAIN, "placement": "inbox"}))
    assert "Not shown in the inbox" in text(staff.post(PREVIEW, {**PLAIN, "placement": "banner"}))


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<b hx-get='/x'>x</b>",
        "[x](javascript:alert(1))",
        "<form action=/x>",
        "<p style=color:red>",
    ],
)
def test_a_body_cannot_carry_anything_that_acts(staff, body):
    page = staff.post(PREVIEW, {**PLAIN, "title": body, "body": body}).content.decode()
    assert not re.search(r"<(script|form|b |p style)|<[^>]*(hx-get|javascript:)", page)


def test_an_address_that_may_not_be_leads_nowhere_in_the_preview(staff):
    assert "javascript:" not in staff.post(PREVIEW, {**PLAIN, "url": "javascript:alert(1)"}).content.decode()
    assert 'href="/inbox/"' in staff.post(PREVIEW, {**PLAIN, "url": "/inbox/"}).content.decode()


def test_the_preview_says_how_many_and_how_many_of_them_are_here(staff, ada, bo, chi):
    Presence.renew([Inbox.objects.of(bo).pk])
    page = text(staff.post(PREVIEW, PLAIN))
    assert "Reaches 3 people 1 online now" in page
    assert "Publish to 3 people" in page
    assert "Reaches 1 person 0 online now" in text(staff.post(PREVIEW, {**PLAIN, "audience": "staff"}))


def test_the_preview_refuses_get(staff):
    assert staff.get(PREVIEW).status_code == 405


def test_a_fragment_for_who_has_signed_out_says_so(client, ada):
    answer = client.post(PREVIEW, PLAIN, headers={"HX-Request": "true"})
    assert "You are signed out" in text(answer)


def test_people_are_found_by_name_or_display_name(staff, bo, chi):
    gone = get_user_model().objects.create_user("bob", display_name="Bob", is_active=False)
    assert "Bo Lindqvist" in text(staff.get(PEOPLE, {"q": "lindq"}))
    assert "chi" in text(staff.get(PEOPLE, {"q": "CHI"}))
    assert gone.username not in text(staff.get(PEOPLE, {"q": "bo"}))
    assert text(staff.get(PEOPLE, {"q": ""})) == ""


# Its page.


def test_the_numbers_are_counted_from_the_readers_rows(staff, running, ada, bo, chi):
    running.rewrite(Content(title="Lunch", placement="both", asks_acknowledgement=True), ada)
    for who in (bo, chi):
        inbox = Inbox.objects.of(who)
        inbox.collect()
        inbox.mark_read(running.row_key)
    Inbox.objects.of(bo).acknowledge(running.row_key)
    Inbox.objects.of(chi).dismiss(running.row_key)
    running.refresh_from_db()
    found = numbers_of(running)
    assert (found.addressed, found.reached, found.seen, found.read) == (3, 2, 2, 2)
    assert (found.dismissed, found.acknowledged, found.lacking) == (1, 1, 2)


def test_names_that_are_looked_up_later_are_counted_already(staff, ada):
    many(1_001)
    one = Broadcast.draft(
        Content(title="Lunch", audience="people", names=[f"person-{n:04}" for n in range(1_001)]), ada
    )
    assert numbers_of(one).addressed == 1_001
    assert "Publish to 1,001 people" in text(staff.get(f"/broadcasts/{one.pk}/"))
    assert "1,001 named people" in text(staff.get("/broadcasts/"))


def test_what_was_done_before_it_was_shown_again_does_not_count(running, ada, bo):
    inbox = Inbox.objects.of(bo)
    inbox.collect()
    inbox.mark_read(running.row_key)
    running.rewrite(Content(title="Lunch"), ada, show_again=True)
    assert (numbers_of(running).read, numbers_of(running).reached) == (0, 1)


def test_numbers_that_are_costly_rest_for_a_while_and_not_beyond_a_change(running, ada, bo, monkeypatch):
    monkeypatch.setattr(broadcast_numbers, "COSTLY", 0.0)
    monkeypatch.setattr(broadcast_numbers, "RESTS", 10**9)
    assert numbers_of(running).read == 0
    inbox = Inbox.objects.of(bo)
    inbox.collect()
    inbox.mark_read(running.row_key)
    assert numbers_of(running).read == 0
    running.rewrite(Content(title="Supper"), ada)
    assert numbers_of(running).read == 1


def test_the_page_shows_numbers_history_and_life(staff, running, ada):
    running.rewrite(Content(title="Supper", level="warning"), ada)
    answer = staff.get(f"/broadcasts/{running.pk}/")
    page = text(answer)
    for words in (
        "Addressed",
        "Reached",
        "Online at publication",
        "Ada Okafor",
        "changed it",
        "published it",
        "wrote it",
    ):
        assert words in page
    assert ("Title", "Lunch", "Supper") in [tuple(one.values()) for one in answer.context["history"][0]["changes"]]
    assert ("Level", "Information", "Warning") in [
        tuple(one.values()) for one in answer.context["history"][0]["changes"]
    ]


def test_the_page_refreshes_itself_with_a_part_of_it(staff, running):
    part = staff.get(f"/broadcasts/{running.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert "Addressed" in part
    assert "<html" not in part


def test_no_id_stands_twice_in_the_pages(staff, running):
    for path in (f"/broadcasts/{running.pk}/", f"/broadcasts/{running.pk}/edit/", NEW, "/broadcasts/"):
        ids = re.findall(r'\bid="([^"]+)"', staff.get(path).content.decode())
        assert sorted(ids) == sorted(set(ids)), path


STEPS = {
    "publish": (["publish"], "published"),
    "cancel": (["cancel"], "draft"),
    "undo": (["publish", "undo"], "draft"),
    "end": (["publish", "end"], "ended"),
    "withdraw": (["publish", "withdraw"], "withdrawn"),
}


@pytest.mark.parametrize("act", STEPS)
def test_acts_work_and_twice_is_once(staff, draft, ada, act):
    steps, state = STEPS[act]
    if act == "cancel":
        Broadcast.objects.filter(pk=draft.pk).update(starts_at=now() + timedelta(days=1))
        draft.refresh_from_db()
        draft.publish(ada)
    for step in [*steps, act]:
        assert staff.post(f"/broadcasts/{draft.pk}/{step}/").url == f"/broadcasts/{draft.pk}/"
    draft.refresh_from_db()
    assert draft.state == state
    assert (
        draft.events.filter(
            what={"undo": "undone", "publish": "published", "cancel": "cancelled"}.get(act, state)
        ).count()
        == 1
    )


def test_nobody_publishes_what_they_have_not_read(staff, draft, bo):
    draft.rewrite(Content(title="Supper"), bo)
    answer = staff.post(f"/broadcasts/{draft.pk}/publish/", {"version": "1"}, follow=True)
    assert "Read it again" in text(answer)
    draft.refresh_from_db()
    assert draft.state == "draft"
    staff.post(f"/broadcasts/{draft.pk}/publish/", {"version": "2"})
    draft.refresh_from_db()
    assert draft.state == "published"


def test_discarding_a_draft_works_twice(staff, draft):
    for _ in range(2):
        assert staff.post(f"/broadcasts/{draft.pk}/discard/").url == "/broadcasts/"
    assert Broadcast.objects.count() == 0


@pytest.mark.parametrize("act", ["cancel", "discard"])
def test_what_cannot_be_done_any_more_is_said_in_words(staff, running, act):
    answer = staff.post(f"/broadcasts/{running.pk}/{act}/", follow=True)
    assert "its state is “Running” now" in text(answer)


def test_undoing_is_offered_for_thirty_seconds(staff, running, monkeypatch):
    assert "Undo (" in text(staff.get(f"/broadcasts/{running.pk}/"))
    later = running.published_at + UNDO
    monkeypatch.setattr(clock, "now", lambda: later)
    assert "Undo (" not in text(staff.get(f"/broadcasts/{running.pk}/"))
    answer = staff.post(f"/broadcasts/{running.pk}/undo/", follow=True)
    assert "too late to undo" in text(answer)


def test_who_has_not_confirmed_is_listed(staff, ada, bo, chi):
    one = Broadcast.draft(Content(title="Fire drill", asks_acknowledgement=True), ada)
    one.publish(ada)
    inbox = Inbox.objects.of(bo)
    inbox.collect()
    inbox.acknowledge(one.row_key)
    page = text(staff.get(f"/broadcasts/{one.pk}/"))
    assert "1 of 3 have confirmed" in page
    assert "Remind these 2 people" in page
    assert "chi" in text(staff.get(f"/broadcasts/{one.pk}/unacknowledged/"))
    assert "Bo Lindqvist" not in text(staff.get(f"/broadcasts/{one.pk}/unacknowledged/"))


def test_reminding_tells_exactly_those_who_have_not_confirmed(staff, ada, bo, chi):
    one = Broadcast.draft(Content(title="Fire drill", asks_acknowledgement=True), ada)
    one.publish(ada)
    inbox = Inbox.objects.of(bo)
    inbox.collect()
    inbox.acknowledge(one.row_key)
    answer = staff.post(f"/broadcasts/{one.pk}/remind/", follow=True)
    assert "2 people are reminded" in text(answer)
    told = [
        who.username for who in (ada, bo, chi) if Inbox.objects.of(who).notifications.filter(broadcast=None).exists()
    ]
    assert told == ["ada", "chi"]
    assert "reminded those who have not confirmed" in text(answer)


def test_nobody_is_reminded_of_what_is_over_or_asks_nothing(staff, running):
    answer = staff.post(f"/broadcasts/{running.pk}/remind/", follow=True)
    assert "Nobody can be reminded" in text(answer)


def test_the_chart_says_how_reading_went(staff, running, ada, bo, chi):
    for minutes, who in ((10, bo), (40, chi)):
        inbox = Inbox.objects.of(who)
        inbox.collect()
        inbox.mark_read(running.row_key)
        running.copies.filter(inbox=inbox).update(read_at=running.published_at + timedelta(minutes=minutes))
    Broadcast.objects.update(left_at=running.published_at + timedelta(hours=1))
    running.refresh_from_db()
    assert [count for _at, count in readings_of(running)] == [0, 1, 2, 2]
    assert "Read over time: 2 of 3" in text(staff.get(f"/broadcasts/{running.pk}/"))


def test_without_a_reading_there_is_no_chart(staff, running, draft):
    assert "Read over time" not in text(staff.get(f"/broadcasts/{running.pk}/"))


def test_who_is_writing_is_told_early_that_somebody_else_has_changed_it(staff, draft, bo):
    form = form_values(staff.get(f"/broadcasts/{draft.pk}/edit/")) | {"broadcast": draft.pk}
    assert "has changed it since" not in text(staff.post(PREVIEW, form))
    draft.rewrite(Content(title="Supper"), bo)
    assert "Bo Lindqvist has changed it since you opened it" in text(staff.post(PREVIEW, form))


def test_a_draft_that_was_published_meanwhile_is_not_overwritten_by_its_form(staff, draft, ada):
    form = {**PLAIN, "version": draft.version, "title": "Half a though", "do": "save"}
    draft.publish(ada)
    answer = staff.post(f"/broadcasts/{draft.pk}/edit/", form)
    assert "Save over it" in text(answer)
    draft.refresh_from_db()
    assert draft.title == "Lunch"
