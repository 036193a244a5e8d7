"""The page of a search. It is no live list: its rows change where they stand, and it offers to look again."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from notifications import categories, lists, snoozing
from notifications.lists import Filter
from notifications.live.positions import number
from notifications.models.notification import LISTS
from notifications.search import QUERY_LIMIT, Search


def is_search(query: Mapping[str, str]) -> bool:
    """Words, or a list and a category together: neither of them is a list that is kept."""
    return "q" in query or "category" in query


def results(request: Any) -> HttpResponse:
    search = search_of(request.GET)
    before = number(request.GET.get("before"))
    if "before" in request.GET and before is None:
        raise Http404("There is no such page.")
    request.inbox.noticeboard  # noqa: B018  the positions first, then the rows
    found = lists.cut(search.rows(request.inbox), search.announcements(request.inbox), before, partial(address, search))
    context = {
        "rows": found.rows,
        "bottom": 0,
        "older_url": found.older_url,
        "search": search,
        "view": search.view,
        "page_view": "found",
        "filters": filters_of(request.inbox, search),
        "is_live": False,
        "page_title": _("Search"),
        "snooze_choices": list(snoozing.choices()),
    }
    return render(request, "notifications/found.html", context)


def search_of(query: Mapping[str, str]) -> Search:
    view, category = query.get("view", "all"), query.get("category", "")
    known = {one.name for one in categories.everything()}
    if view.startswith("category:"):
        view, category = "all", view.removeprefix("category:")
    if view not in LISTS or (category and category not in known):
        raise Http404("There is no such list.")
    return Search(query.get("q", "").replace("\x00", "")[:QUERY_LIMIT], view, category)


def filters_of(inbox: Any, search: Search) -> list[Filter]:
    """Each list and each category, with how many it would find in place of the present one."""
    counts = search.counts(inbox)
    found = []
    for one in lists.filters_of(inbox, ""):
        kind, _colon, name = one.name.partition(":")
        if kind == "category":
            is_current = search.category == name
            there = Search(search.text, search.view, "" if is_current else name)
        else:
            is_current = search.view == one.name
            there = Search(search.text, one.name, search.category)
        count = counts.get(one.name, 0)
        found.append(Filter(one.name, one.label, one.icon, count, is_current, partial(address, there)))
    return found


def address(search: Search, **more: object) -> str:
    parts = {"q": search.text, "view": search.view if search.view != "all" else "", "category": search.category}
    query = {name: value for name, value in parts.items() if value or name == "q"}
    return reverse("notifications:inbox") + "?" + urlencode({**query, **more})
