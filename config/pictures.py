"""While developing, browsers ask again for every file that they use, so that an edit is seen. Not for pictures.

Each row that arrives names icons of `icons.svg`. Asked for again with every one of them, it cost a request per arrival,
and the icons came after the row.
"""

from wsgiref.headers import Headers

SECONDS = 600


def keep_pictures(headers: Headers, path: str, url: str) -> None:
    if "/img/" in url:
        headers["Cache-Control"] = f"max-age={SECONDS}, public"
