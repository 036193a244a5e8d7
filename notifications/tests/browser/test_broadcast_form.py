"""Writing a broadcast in a browser: the preview follows, nothing is lost, and two staff members see each other."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.utils.timezone import now
from playwright.sync_api import expect

from notifications.models import Broadcast, Content, Inbox

from .test_axe import NARROW, WIDE, violations

NEW = "/broadcasts/new/"


@pytest.fixture
def ada(ada):
    ada.user_permissions.add(Permission.objects.get(codename="broadcast"))
    return ada


@pytest.fixture
def eve():
    """The other one who may broadcast."""
    return get_user_model().objects.create_superuser("eve", password="belfry-demo", display_name="Eve Adeyemi")


def pane(page, scheme="light"):
    return page.locator(f".pane[data-scheme={scheme}]")


def label(page):
    return page.locator("#publish-label")


def publish(page):
    page.locator("#do-publish").click()


# The preview.


def test_it_shows_what_is_typed_as_it_is_typed(window, ada):
    page = window(ada).open(NEW)
    page.locator("#id_title").press_sequentially("The archive moves")
    page.locator("#id_body").fill("On **Sunday**.")
    page.get_by_label("Warning").check(force=True)
    for scheme in ("light", "dark"):
        expect(pane(page, scheme).locator(".banner")).to_contain_text("The archive moves")
        expect(pane(page, scheme).locator(".toast[data-level=warning]")).to_contain_text("The archive moves")
        expect(pane(page, scheme).locator(".notification .excerpt")).to_have_text("On Sunday.")
        expect(pane(page, scheme).locator(".banner strong").nth(1)).to_have_text("Sunday")


def test_its_panes_are_light_and_dark_whatever_the_reader_has(window, ada):
    for scheme in ("light", "dark"):
        page = window(ada, color_scheme=scheme).open(NEW)
        colours = [
            pane(page, one).evaluate("pane => getComputedStyle(pane).backgroundColor") for one in ("light", "dark")
        ]
        assert float(re.findall(r"[\d.]+", colours[0])[0]) > 0.9
        assert float(re.findall(r"[\d.]+", colours[1])[0]) < 0.3


def test_a_banner_in_a_narrow_pane_is_the_one_line_that_it_is_on_a_phone(window, ada):
    page = window(ada, viewport=WIDE).open(NEW)
    page.locator("#id_title").fill("The archive moves on Sunday night, and nobody can book anything")
    page.locator("#id_body").fill("Words.")
    page.locator("#id_asks_acknowledgement").check()
    expect(pane(page).locator(".banner details")).to_contain_text("The archive moves")
    assert pane(page).locator(".banner").bounding_box()["height"] < 60


def test_the_focus_and_the_place_in_the_text_stay_while_it_is_refreshed(window, ada):
    page = window(ada).open(NEW)
    title = page.locator("#id_title")
    title.fill("Lunch at noon")
    title.evaluate("field => field.setSelectionRange(5, 5)")
    page.keyboard.type(" today")
    expect(pane(page).locator(".toast")).to_contain_text("Lunch today at noon")
    expect(title).to_be_focused()
    assert title.evaluate("field => field.selectionStart") == len("Lunch today")


def test_the_last_one_wins_over_a_slow_one(window, ada):
    page = window(ada).open(NEW)
    held = []

    def answer(route):
        if "title=First" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/broadcasts/preview/", answer)
    page.locator("#id_title").fill("First")
    expect(page.locator("#preview-state")).to_contain_text("waiting for the server")
    page.locator("#id_title").fill("Second")
    expect(pane(page).locator(".toast")).to_contain_text("Second")
    assert len(held) == 1
    held[0].continue_()
    page.locator("#id_body").fill("Afterwards")
    expect(pane(page).locator(".excerpt")).to_have_text("Afterwards")
    expect(pane(page).locator(".toast")).to_contain_text("Second")
    expect(page.locator("#preview-state")).to_have_text("")


def test_a_lost_connection_is_said_and_the_next_key_recovers(window, ada):
    browser = window(ada)
    page = browser.open(NEW)
    page.locator("#id_title").fill("Before")
    expect(pane(page).locator(".toast")).to_contain_text("Before")
    page.route("**/broadcasts/preview/", lambda route: route.abort())
    page.locator("#id_title").fill("Meanwhile")
    expect(page.locator("#preview-state")).to_contain_text("cannot be reached")
    expect(pane(page).locator(".toast")).to_contain_text("Before")
    expect(page.locator("#act-failed")).to_have_count(0)
    page.unroute("**/broadcasts/preview/")
    page.locator("#id_title").fill("Afterwards")
    expect(pane(page).locator(".toast")).to_contain_text("Afterwards")
    expect(page.locator("#preview-state")).to_have_text("")


def test_the_button_says_how_many_as_the_audience_changes(window, ada, bo, chi):
    page = window(ada).open(NEW)
    expect(label(page)).to_have_text("Publish to 3 people")
    page.get_by_label("Staff").check()
    expect(label(page)).to_have_text("Publish to 1 person")
    page.get_by_label("Later").check()
    page.locator("#id_starts_at").fill("2099-01-10T09:00")
    expect(label(page)).to_have_text("Schedule for 1 person")
    expect(page.locator("#starts-utc")).to_have_text("That is Jan. 10, 2099, 9 a.m. UTC.")


def test_people_are_chosen_by_typing_with_the_keyboard_alone(window, ada, bo, chi):
    page = window(ada).open(NEW)
    page.get_by_label("Named people").check()
    search = page.locator("#people-search")
    search.press_sequentially("lindq")
    expect(page.locator("#people-found button")).to_have_count(1)
    search.press("Enter")
    expect(page.locator("#id_names")).to_have_value("bo\n")
    search.press_sequentially("chi")
    expect(page.locator("#people-found button")).to_contain_text("chi")
    search.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#id_names")).to_have_value("bo\nchi\n")
    expect(label(page)).to_have_text("Publish to 2 people")


def test_what_is_not_chosen_is_hidden_and_not_lost(window, ada):
    page = window(ada).open(NEW)
    expect(page.locator("#id_names")).to_be_hidden()
    page.get_by_label("Named people").check()
    page.locator("#id_names").fill("bo")
    page.get_by_role("radio", name="Everyone").check()
    expect(page.locator("#id_names")).to_be_hidden()
    page.get_by_label("Named people").check()
    expect(page.locator("#id_names")).to_have_value("bo")


# Sending.


def test_the_number_must_be_typed_from_100_people_on(window, ada):
    users = get_user_model()
    users.objects.bulk_create([users(username=f"person-{n}") for n in range(99)])
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Lunch")
    expect(page.locator("#id_count")).to_be_visible()
    publish(page)
    expect(page.locator("#id_count_error")).to_contain_text("100 people")
    expect(page.locator("#id_title")).to_have_value("Lunch")
    page.locator("#id_count").fill("100")
    publish(page)
    expect(page.locator(".state")).to_have_text("Running")


def test_the_number_is_not_asked_for_a_few(window, ada, bo):
    page = window(ada).open(NEW)
    expect(page.locator("#id_count")).to_be_hidden()


def test_sent_to_me_it_reaches_me_alone_and_the_page_stays(window, ada, bo):
    reader = window(bo).open()
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Only a look")
    page.locator("#do-trial").click()
    expect(page.locator(".messages")).to_contain_text("to you alone")
    expect(page.locator("#banners .banner")).to_contain_text("Only a look")
    expect(page.locator("#id_title")).to_have_value("Only a look")
    page.locator("#id_title").fill("Lunch")
    publish(page)
    expect(reader.locator("#banners .banner")).to_have_count(1)
    expect(reader.locator("#banners .banner")).to_contain_text("Lunch")


def test_a_double_click_makes_one(window, ada, bo):
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Lunch")
    page.locator("#do-publish").dblclick()
    expect(page.locator(".state")).to_have_text("Running")
    made = Broadcast.objects.get()
    assert made.events.filter(what="published").count() == 1


def test_the_second_click_of_a_double_click_sends_nothing(window, ada):
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Only a look")
    goes = "form => form.dispatchEvent(new SubmitEvent('submit', { cancelable: true }))"
    assert [page.locator("#broadcast-form").evaluate(goes) for _click in range(2)] == [True, False]


def test_published_it_is_on_a_readers_page_and_undone_it_is_gone(window, ada, bo):
    reader = window(bo).open()
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Lunch")
    publish(page)
    expect(reader.locator("#banners .banner")).to_contain_text("Lunch")
    page.locator("#undo-publication").click()
    expect(page.locator(".state")).to_have_text("Draft")
    expect(reader.locator("#banners .banner")).to_have_count(0)


# Nothing typed is lost.


def test_a_session_that_ran_out_keeps_the_text(window, ada):
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Lunch")
    page.locator("#id_body").fill("Soup, and **bread**.")
    Session.objects.all().delete()
    publish(page)
    page.locator("#id_username").fill("ada")
    page.locator("#id_password").fill("belfry-demo")
    page.locator("main form .button[data-kind=primary]").first.click()
    expect(page.locator("#id_title")).to_have_value("Lunch")
    expect(page.locator("#id_body")).to_have_value("Soup, and **bread**.")
    # By the server or by the browser: a request that was under way may still have taken the new session's cookie away.
    expect(page.get_by_text(re.compile("Your session had ended|What you had typed here is back")).first).to_be_visible()
    publish(page)
    expect(page.locator(".state")).to_have_text("Running")


def test_a_reload_keeps_what_was_typed_until_it_is_saved(window, ada):
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Lunch")
    page.get_by_label("Staff").check()
    page.locator("#id_asks_acknowledgement").check()
    page.reload()
    expect(page.locator("#id_title")).to_have_value("Lunch")
    expect(page.get_by_label("Staff")).to_be_checked()
    expect(page.locator("#id_asks_acknowledgement")).to_be_checked()
    expect(page.locator("#restored")).to_be_visible()
    expect(label(page)).to_have_text("Publish to 1 person")
    page.locator("#do-save").click()
    expect(page.locator(".state")).to_have_text("Draft")
    page.goto(page.url.rsplit("/", 2)[0] + "/new/")
    expect(page.locator("#id_title")).to_have_value("")
    expect(page.locator("#restored")).to_be_hidden()


def test_a_server_that_fails_to_save_takes_nothing(window, ada):
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Lunch")
    page.route("**/broadcasts/new/", lambda route: route.fulfill(status=502, body="Bad gateway"))
    page.locator("#do-save").click()
    expect(page.get_by_text("Bad gateway")).to_be_visible()
    page.unroute("**/broadcasts/new/")
    page.goto(page.url)
    expect(page.locator("#id_title")).to_have_value("Lunch")


def test_a_reload_is_followed_by_the_preview_of_what_was_typed(window, ada):
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Lunch")
    page.reload()
    expect(pane(page).locator(".toast")).to_contain_text("Lunch")


def test_who_signs_in_next_in_the_same_window_sees_nothing_of_what_was_typed(window, ada, eve):
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Between us")
    Session.objects.all().delete()
    page.goto(window.url + NEW)
    page.locator("#id_username").fill("eve")
    page.locator("#id_password").fill("belfry-demo")
    page.locator("main form .button[data-kind=primary]").first.click()
    expect(page.locator("#preview-panes")).to_be_visible()
    expect(page.locator("#id_title")).to_have_value("")
    expect(page.locator("#restored")).to_be_hidden()


def test_one_can_begin_anew(window, ada):
    page = window(ada).open(NEW)
    page.locator("#id_title").fill("Lunch")
    page.reload()
    page.locator("#forget-typed").click()
    expect(page.locator("#id_title")).to_have_value("")


def test_a_reload_after_anothers_edit_keeps_what_was_typed_and_overwrites_nothing(window, ada, eve, draft):
    page = window(ada).open(f"/broadcasts/{draft.pk}/edit/")
    page.locator("#id_title").fill("Brunch")
    draft.rewrite(Content(title="Supper"), eve)
    for _time in range(2):
        page.reload()
        expect(page.locator("#id_title")).to_have_value("Brunch")
        expect(page.locator("#edited-meanwhile")).to_contain_text("Eve Adeyemi has changed it")
    page.locator("#do-save").click()
    expect(page.locator(".conflict")).to_contain_text("Supper")
    page.goto(page.url)
    page.locator("#forget-typed").click()
    expect(page.locator("#id_title")).to_have_value("Supper")


# Two of them.


def test_two_staff_members_see_each_others_changes(window, ada, eve, draft, bo):
    page, other = window(ada).open(f"/broadcasts/{draft.pk}/"), window(eve).open("/broadcasts/")
    draft.rewrite(Content(title="Supper"), eve)
    expect(page.locator("h1")).to_have_text("Supper")
    expect(page.locator(".history li").first).to_contain_text("Eve Adeyemi")
    expect(other.locator(".broadcast-row h3")).to_have_text("Supper")
    page.locator("#publish").click()
    expect(other.locator("#section-running .broadcast-row h3")).to_have_text("Supper")


def test_an_edit_over_anothers_is_caught_and_can_be_saved_knowingly(window, ada, eve, draft):
    page = window(ada).open(f"/broadcasts/{draft.pk}/edit/")
    draft.rewrite(Content(title="Supper", body="Soup."), eve)
    page.locator("#id_title").fill("Brunch")
    page.locator("#do-save").click()
    expect(page.locator(".conflict")).to_contain_text("Eve Adeyemi has changed it meanwhile.")
    expect(page.locator(".conflict")).to_contain_text("Supper")
    expect(page.locator("#id_title")).to_have_value("Brunch")
    page.locator("#do-save").click()
    expect(page.locator("h1")).to_have_text("Brunch")


def test_a_question_stays_open_while_the_page_refreshes_itself(window, ada, running):
    page = window(ada).open(f"/broadcasts/{running.pk}/")
    page.locator("#withdraw-button").click()
    with page.expect_response(lambda answer: answer.url.endswith(f"/broadcasts/{running.pk}/")):
        pass
    running.rewrite(Content(title="Supper"))
    expect(page.locator("h1")).to_have_text("Supper")
    expect(page.locator("#withdraw-confirm")).to_be_visible()
    page.locator("#withdraw").click()
    expect(page.locator(".state")).to_have_text("Withdrawn")


def test_the_focus_stays_while_the_page_refreshes_itself(window, ada, running):
    page = window(ada).open(f"/broadcasts/{running.pk}/")
    page.locator("#end-button").focus()
    button = page.locator("#end-button").element_handle()
    running.rewrite(Content(title="Supper"))
    expect(page.locator("h1")).to_have_text("Supper")
    expect(page.locator("#end-button")).to_be_focused()
    assert button.evaluate("button => button.isConnected")


def test_the_numbers_move_while_readers_read(window, ada, bo, running):
    page = window(ada).open(f"/broadcasts/{running.pk}/")
    expect(page.locator("[data-number=read] dd")).to_have_text("0")
    inbox = Inbox.objects.of(bo)
    inbox.collect()
    inbox.mark_read(running.row_key)
    expect(page.locator("[data-number=read] dd")).to_have_text("1")


# Without JavaScript, on a phone, for everybody.


def test_it_works_without_javascript(window, ada, bo):
    page = window(ada, java_script_enabled=False).open(NEW, live=False)
    page.locator("#id_title").fill("Lunch")
    page.get_by_role("button", name="Preview").click()
    expect(pane(page).locator(".toast")).to_contain_text("Lunch")
    expect(page.locator(".people-search")).to_be_hidden()
    page.get_by_label("Named people").check()
    page.locator("#id_names").fill("bo\nnobody")
    publish(page)
    expect(page.locator("#id_names_error")).to_contain_text("nobody")
    page.locator("#id_names").fill("bo")
    publish(page)
    expect(page.locator(".state")).to_have_text("Running")
    page.locator("#withdraw-button").click()
    page.locator("#withdraw").click()
    expect(page.locator(".state")).to_have_text("Withdrawn")


def pages_of(ada, running):
    Broadcast.draft(Content(title="A draft"), ada)
    Broadcast.draft(Content(title="Comes", starts_at=now() + timedelta(days=1)), ada).publish(ada)
    running.rewrite(Content(title="Supper " * 20, body="Words.", placement="both", asks_acknowledgement=True), ada)
    return [
        "/broadcasts/",
        NEW,
        f"/broadcasts/{running.pk}/",
        f"/broadcasts/{running.pk}/edit/",
        f"/broadcasts/{running.pk}/unacknowledged/",
    ]


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_page_passes_axe_and_fits(window, ada, running, viewport, scheme, language):
    ada.language = language
    ada.save()
    page = window(ada, viewport=viewport, color_scheme=scheme, reduced_motion="reduce").open("/broadcasts/")
    found = []
    for path in pages_of(ada, running):
        page.goto(window.url + path)
        found += violations(page)
        width, room = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        found += [f"{path} is {width} px wide"] if width > room else []
    page.goto(window.url + NEW)
    page.locator("[name=audience][value=people]").check()
    page.locator("[name=when][value=later]").check()
    page.locator("#id_names").fill("nobody")
    publish(page)
    expect(page.locator("#form-errors")).to_be_visible()
    found += violations(page)
    assert found == [], "\n".join(found)
