"""Markdown of staff: it says what it says, and can do nothing else."""

import re

import html5lib
import pytest

from notifications.models.markdown import ATTRIBUTES, SCHEMES, TAGS, html_of, text_of

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")  # what a browser takes for one


def elements(html: str) -> list[tuple[str, dict[str, str]]]:
    """What a browser makes of it: each element with its attributes."""
    root = html5lib.parseFragment(html, namespaceHTMLElements=False)
    return [(element.tag, dict(element.attrib)) for element in root.iter() if isinstance(element.tag, str)][1:]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Hello", "<p>Hello</p>"),
        ("**bold** and *italic* and ~~gone~~", "<p><strong>bold</strong> and <em>italic</em> and <s>gone</s></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a", '<ol start="3">\n<li>a</li>\n</ol>'),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("`<b>`", "<p><code>&lt;b&gt;</code></p>"),
        ("```\nx < y\n```", "<pre><code>x &lt; y\n</code></pre>"),
        ("[the page](/status/)", '<p><a href="/status/" rel="noopener noreferrer">the page</a></p>'),
        ("[us](https://x.org)", '<p><a href="https://x.org" rel="noopener noreferrer">us</a></p>'),
        ("[mail](mailto:a@x.org)", '<p><a href="mailto:a@x.org" rel="noopener noreferrer">mail</a></p>'),
        ("5 < 6 & 7", "<p>5 &lt; 6 &amp; 7</p>"),
    ],
)
def test_what_staff_write_is_shown_as_meant(text, html):
    assert html_of(text).strip() == html


ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.org></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "![x](https://evil.org/pixel.gif)",
    "![x][r]\n\n[r]: javascript:alert(1)",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<form action=/inbox/all/archive/ method=post><button>Press</button></form>",
    "<button form=act formaction=/inbox/all/archive/>Press</button>",
    "<input name=csrfmiddlewaretoken>",
    "<a href=/x/ hx-get=/inbox/>x</a>",
    '<p hx-get="/inbox/" hx-trigger="load">x</p>',
    '<p data-hx-get="/inbox/" data-hx-trigger="load">x</p>',
    "<hx-partial hx-target='#feed'>x</hx-partial>",
    "<li hx-swap-oob=delete id=notification-x>x</li>",
    "<div hx-ws:connect=/ws/other/></div>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<style>*{display:none}</style>",
    "<link rel=stylesheet href=//evil.org>",
    "<base href=//evil.org>",
    "<meta http-equiv=refresh content='0;url=//evil.org'>",
    "<iframe src=//evil.org></iframe>",
    "<object data=x></object><embed src=x>",
    "<p id=act class=toast>x</p>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<!-- --!><script>alert(1)</script> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;avascript&colon;alert(1))",
    "[x](javascript&Tab;:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://x.org/1)",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    '[x](/y/ "title\\" onmouseover=alert(1)")',
    '[x](/y/" onmouseover="alert(1))',
    "[a](/b/ 'c' hx-get='/inbox/')",
    "[x<script>alert(1)</script>](/y/)",
    "```js onclick=alert(1)\nx\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "`</code><script>alert(1)</script>`",
    "| a | b |\n| --- | --- |\n| <script>alert(1)</script> | x |",
    "# <script>alert(1)</script>",
    "> > > " * 50 + "<script>alert(1)</script>",
    "**_~~" * 200 + "<script>alert(1)</script>",
    "[" * 500 + "x" + "](javascript:alert(1))" * 500,
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ request.user.password }} {% load static %}",
]


@pytest.mark.parametrize("text", ATTACKS, ids=[f"{n}" for n in range(len(ATTACKS))])
def test_nothing_comes_through(text):
    for tag, attributes in elements(html_of(text)):
        assert tag in TAGS
        assert attributes.keys() - {"rel"} <= ATTRIBUTES.get(tag, set())
        scheme = SCHEME.match(re.sub(r"[\x00-\x20]", "", attributes.get("href", "")))
        assert scheme is None or scheme[1].lower() in SCHEMES


def test_what_is_not_allowed_is_shown_as_it_was_typed():
    assert text_of(html_of("<script>alert(1)</script>")) == "<script>alert(1)</script>"
    assert text_of(html_of("{{ password }}")) == "{{ password }}"


def test_no_attribute_of_htmx_can_be_written_in_any_way():
    for text in ATTACKS:
        assert not re.search(r"<[^>]*\s(data-)?hx-", html_of(text)), text


def test_the_text_of_it_is_without_its_form():
    text = text_of(html_of("**From** 22:00\n\n- [status](https://x.org)\n- `a < b` & more"))
    assert text == "From 22:00 status a < b & more"


def test_the_longest_body_is_rendered_in_a_moment():
    """Within the time limit of the whole run: no text takes longer the more it nests."""
    for piece in ("[", "*", "> ", "`", "- ", "<", "![", "_*"):
        assert len(html_of(piece * (4_000 // len(piece)))) < 200_000


def test_nesting_ends_before_it_takes_seconds():
    assert html_of("> " * 100 + "deep").count("<blockquote>") <= 20


def test_what_is_allowed_can_do_nothing():
    dangerous = (
        "base button embed form iframe img input link math meta object script select style svg template textarea"
    )
    assert TAGS.isdisjoint(dangerous.split())
    assert {name for names in ATTRIBUTES.values() for name in names} == {"href", "start"}
    assert {"http", "https", "mailto"} == SCHEMES
