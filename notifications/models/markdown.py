"""Markdown of staff, made into HTML that can do nothing but say something.

A list of what is allowed: no HTML of its own, no images, no headings, no attribute but the address of a link. htmx
obeys ``hx-*`` in whatever it swaps, so none may ever come through.
"""

import html
import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt

TAGS = {"p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"}
ATTRIBUTES: dict[str, set[str]] = {"*": set(), "a": {"href"}, "ol": {"start"}}  # "*": else title and lang are
SCHEMES = {"http", "https", "mailto"}

# Each "[" looks for its end through all that follow it, once for each level: deeper than this, seconds go by.
NESTING = 20

_markdown = MarkdownIt("js-default", {"html": False, "breaks": True, "maxNesting": NESTING})
_markdown.disable(["image", "heading", "lheading", "table"])


def html_of(text: str) -> str:
    """The same as safe HTML."""
    return nh3.clean(
        _markdown.render(text), tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="noopener noreferrer"
    )


@lru_cache(maxsize=100)
def text_of(clean_html: str) -> str:
    """What it says, without its form: for excerpts and for searching."""
    apart = re.sub(r"</(?:p|li|pre|blockquote)>|<[bh]r>", " ", clean_html)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", apart)).split())
