"""A page's document, and what htmx does to it with a frame: upsert, partials, and elements that swap themselves in."""

import re
from collections.abc import Iterator
from itertools import zip_longest
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import html5lib


def parse(html: str) -> Element:
    return html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False)


def parse_fragment(html: str) -> Element:
    return html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False)


class Document:
    def __init__(self, html: str):
        self.root = parse(html)

    def apply(self, frame: str) -> None:
        """Swap a frame in as the page does: every piece says for itself where it goes."""
        for piece in list(parse_fragment(frame)):
            self._put(piece)

    def _put(self, piece: Element) -> None:
        if piece.tag == "hx-upsert":
            self._upsert(piece)
        elif piece.tag == "hx-partial":
            self._partial(piece)
        elif piece.tag == "title":
            self._title.text = piece.text
        elif swap := piece.attrib.pop("hx-swap-oob", ""):
            self._swap_itself(piece, swap)

    def _upsert(self, piece: Element) -> None:
        """Replace what is there by id; sort the rest in by its ``key``."""
        target = self.find(piece.get("hx-target", ""))
        if target is None:
            return
        key, sign = piece.get("key", "id"), 1 if piece.get("sort") == "desc" else -1
        for new in list(piece):
            old = self.by_id(new.get("id", ""))
            if old is not None:
                self._replace(old, new)
                continue
            order = sign * int(new.get(key, "0"))
            others = (sign * int(child.get(key) or 0) for child in target)
            place = next((i for i, other in enumerate(others) if order > other), len(target))
            target.insert(place, new)

    def _partial(self, piece: Element) -> None:
        target = self.find(piece.get("hx-target", ""))
        if target is None:
            return
        swap = piece.get("hx-swap", "").partition(" ")[0]
        if swap == "outerMorph":
            self._replace(target, piece[0])
            return
        if swap in {"innerHTML", "innerMorph"}:
            for child in list(target):
                target.remove(child)
            target.text = piece.text
        target.extend(list(piece))

    def _swap_itself(self, piece: Element, swap: str) -> None:
        old = self.by_id(piece.get("id", ""))
        if old is None:
            return
        if swap == "delete":
            self._parent(old).remove(old)
        else:
            self._replace(old, piece)

    def _replace(self, old: Element, new: Element) -> None:
        parent = self._parent(old)
        new.tail = old.tail
        parent[list(parent).index(old)] = new

    def _parent(self, element: Element) -> Element:
        return next(parent for parent in self.root.iter() if element in list(parent))

    @property
    def _title(self) -> Element:
        return next(self.root.iter("title"))

    @property
    def title(self) -> str:
        return squeeze(self._title.text or "")

    def by_id(self, id_: str) -> Element | None:
        return next((element for element in self.root.iter() if id_ and element.get("id") == id_), None)

    def find(self, selector: str) -> Element | None:
        """An element by ``#id``."""
        return self.by_id(selector.removeprefix("#"))

    def text(self, selector: str) -> str:
        element = self.find(selector)
        return squeeze("".join(element.itertext())) if element is not None else ""

    def inputs(self, form: str) -> dict[str, str]:
        """The values of a form's inputs."""
        element = self.find(form)
        assert element is not None, f"The page has no {form}."
        return {one.get("name", ""): one.get("value", "") for one in element.iter("input")}

    def rows(self, list_: str = "#feed") -> list[Element]:
        """The notifications of a list, from top to bottom."""
        return [row for row in self._children(list_) if "notification" in (row.get("class") or "").split()]

    def _children(self, selector: str) -> list[Element]:
        element = self.find(selector)
        return list(element) if element is not None else []

    def shown(self) -> dict[str, object]:
        """Everything about notifications that a reader can see, for comparing two pages.

        Relative times are left out, and headings of days that no row follows, which the style sheet hides.
        """
        counts = {one.get("id"): one.text for one in self.root.iter() if (one.get("id") or "").startswith("count-")}
        favicon = self.by_id("favicon")
        return {
            "title": self.title,
            "badge": self.text("#badge"),
            "label": self.text("#bell-label"),
            "favicon": favicon.get("href") if favicon is not None else None,
            "counts": counts,
            "banners": [source(one) for one in self._children("#banners")],
            "feed": [source(row) for row in self._visible("#feed")],
            "tray": [self.text("#tray-count"), *(tight(row) for row in self._children("#tray-list"))],
            "jobs": [tight(row) for row in self._children("#jobs")],
            "job": [tight(one) for name in ("#job-page", "#log") if (one := self.find(name)) is not None],
            "thread": self.thread(),
            "item": [source(one) for one in self.root.iter() if (one.get("id") or "").startswith("item-")],
        }

    def thread(self) -> list[str]:
        """What is said in the thread that the page shows, under which head, and who is there."""
        parts = [tight(one) for name in ("#thread-head", "#here") if (one := self.find(name)) is not None]
        return parts + [tight(row) for row in self._visible("#messages")]

    def _visible(self, list_: str) -> Iterator[Element]:
        children = self._children(list_)
        for child, following in zip_longest(children, children[1:]):
            if not is_day(child) or not (following is None or is_day(following)):
                yield child


def is_day(row: Element) -> bool:
    """Whether it is the heading of a day."""
    return "day" in (row.get("class") or "").split()


def source(element: Element) -> str:
    for time in element.iter("time"):
        if "data-relative" in time.attrib:
            time.text = ""
    return squeeze(ElementTree.tostring(element, encoding="unicode"))


def tight(element: Element) -> str:
    """Its source without the blanks between tags, which make no difference; nor does how an empty one is written."""
    written = re.sub(r"(?<=>) | (?=<)", "", source(element))
    return re.sub(r"<([\w:-]+)((?: [^<>]*)?)></\1>", r"<\1\2 />", written)


def squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
