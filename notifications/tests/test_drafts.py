"""What a caller may send: accepted as it is, or refused with a sentence that says what was expected."""

import pytest
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from notifications.delivery import notify, notify_many
from notifications.models import Draft, InvalidNotification, Notification

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "url",
    ["", "/", "/menu/?day=1&b=2#soup", "https://example.com", "http://example.com:8080/ü?q=%20", "https://[::1]/"],
)
def test_links_of_this_site_and_of_the_web_are_taken(bo, url):
    assert notify(bo, title="Look", url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "menu/",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "mailto:bo@example.com",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:///path",
        "https://",
        "http:evil.example",
        "https://[broken",
        " https://example.com",
        "/a b",
        "/a\tb",
        "/\t/evil.example",
        "\x01javascript:alert(1)",
        "/" + "x" * 2_000,
    ],
)
def test_any_other_link_is_refused(bo, url):
    with pytest.raises(InvalidNotification, match=r"url (is an http|takes at most 2000)"):
        notify(bo, title="Look", url=url)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"title": " \n "}, "neither"),
        ({"title": "x", "reason": "r" * 201}, "reason takes at most 200 characters; got 201"),
        ({"title": "x", "target": "t" * 201}, "target_label takes at most 200"),
        ({"title": "x", "actor": "a" * 151}, "actor_name takes at most 150"),
        ({"title": "x", "params": {"a": "x" * 4_000}}, "params takes at most 4000"),
        ({"title": "x", "params": {"a": "\x00"}}, "without NUL"),
        ({"title": "x", "params": {"a": float("nan")}}, "JSON"),
        ({"title": "x", "params": ["a"]}, "JSON"),
        ({"title": "broken \ud800"}, "title"),
        ({"title": "x", "key": ""}, None),
        ({"title": "x", "key": 5}, "key is 1 to 100 .*got 5"),
        ({"title": "x", "key": "k" * 101}, "key is 1 to 100"),
        ({"title": "x", "key": "slash/ed"}, "key is 1 to 100"),
        ({"title": "x", "key": "line\n"}, "key is 1 to 100"),
        ({"title": "x", "key": "broadcast-1"}, "reserved"),
        ({"title": "x", "key": "preferences"}, "reserved"),
    ],
)
def test_what_is_outside_of_the_limits_is_refused_by_name(bo, content, said):
    if said is None:
        assert notify(bo, **content).key
        return
    with pytest.raises(InvalidNotification, match=said):
        notify(bo, **content)
    with pytest.raises(InvalidNotification, match=said):
        notify_many([bo], **content)
    assert not Notification.objects.exists()


def test_the_limits_themselves_are_within(bo):
    notification = notify(bo, title="t" * 200, body="b" * 4_000, reason="r" * 200, key="k" * 100, actor="a" * 150)
    assert len(notification.title + notification.body + notification.reason) == 4_400


@pytest.mark.parametrize(
    "text", ["x" * 200, "\u202eevil\u202c \u200fשלום", "e\u0301 👩‍👩‍👧 🏳️‍🌈", "tab\tand\nline", "  edges  "]
)
def test_every_character_comes_out_as_it_went_in(bo, text):
    notification = notify(bo, title=text, body=text, actor=text[:150], reason=text)
    assert (notification.title, notification.body, notification.reason) == (text, text, text)
    assert notification.actor_name == text[:150]


def test_lazy_and_safe_texts_are_texts(bo):
    notification = notify(bo, title=gettext_lazy("Monday"), body=mark_safe("<b>"), reason=gettext_lazy("Monday"))
    assert (notification.title, notification.body, notification.reason) == ("Monday", "<b>", "Monday")
    assert "&lt;b&gt;" not in notification.body


@pytest.mark.parametrize("params", [{"at": (1, 2)}, {7: "seven"}, {"deep": {"er": [None, True, 1.5]}}])
def test_params_come_out_as_json_would_have_them_and_may_be_sent_again(bo, params):
    first = notify(bo, title="Same", params=params, key="same")
    assert notify(bo, title="Same", params=params, key="same") == first
    assert notify_many([bo], title="Same", params=params, key="same").count == 1


def test_the_name_of_what_it_is_about_fits_its_column():
    with pytest.raises(InvalidNotification, match="target takes at most 200 characters"):
        Draft(title="Lunch", target="shop.order:" + "1" * 190)
