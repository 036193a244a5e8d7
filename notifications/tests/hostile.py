"""Texts that somebody may write who means harm, and all places where people's texts are shown."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from notifications.delivery import notify
from notifications.jobs import JobFailed, run_job, start_job
from notifications.models import (
    Allowance,
    Broadcast,
    Content,
    Follow,
    Inbox,
    Job,
    Notification,
    Report,
    Thread,
    ThreadPresence,
)
from notifications.threads import report, say, write_to

RUN = "window.pwned=1"
CORPUS = [
    f"<script>{RUN}</script>",
    f"<img src=/pwned onerror={RUN}>",
    f'"><svg/onload="{RUN}">',
    f"'><iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<details open ontoggle={RUN}><summary>x</summary></details>",
    f"<a href=javascript:{RUN}>here</a>",
    "<form action=/accounts/logout/ method=post><button autofocus>x</button></form>",
    '<b hx-get="/pwned" hx-trigger="load">x</b>',
    '<b data-hx-post="/pwned" data-hx-trigger="load" hx-ws:connect="/pwned">x</b>',
    f'<b hx-on:click="{RUN}" hx-config=\'{{"selfRequestsOnly":false}}\'>x</b>',
    "</title></h3></article></li></ol><hx-partial hx-target='#main'>gone</hx-partial>",
    "<hx-upsert hx-target='#feed' key='data-order'><li id='x' data-order='9'>x</li></hx-upsert>",
    "<li id='feed' hx-swap-oob='delete'></li>",
    '<input id="resume"><input id="act"><input id="cursor" name="since" value="9"><i id="live" name="board"></i>',
    '<img name="getElementById"><form name="body"><input name="attributes"></form>',
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={RUN}&gt;'>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<svg><style><![CDATA[</style><img src=x onerror={RUN}>]]>",
    "<textarea></textarea><template><i></template><!--",
    "<base href=//evil.example/><meta http-equiv=refresh content=0;url=/pwned><link rel=stylesheet href=/pwned>",
    "{{ settings.SECRET_KEY }}{% debug %}{#",
    "${7*7} #{7*7} <%= 7*7 %> %(name)s {name} {0.__class__} %s%n",
    f"[x](javascript:{RUN}) ![x](/pwned) <javascript:{RUN}> [x]: data:text/html,x",
    "&lt;script&gt;&#x3c;script&#x3e;&amp;lt;",
    "\x1b[31m\x1b]0;gone\x07red\x08\x7f",
    "\u202egnp.exe\u202c \u2066\u2067\u200f \u061c",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034da"
    * 4,
    "W" * 200,
    "🏳️\u200d🌈👨\u200d👩\u200d👧\ufeff\u00ad\u2028\u2029",
    "Subject: x\r\nBcc: evil@example.com\r\n\r\n<b>",
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|'/c calc'!A0",
    "@SUM(1)\t-2",
    "'; DROP TABLE x; -- \\",
]


class Everything:
    """Each place in which a text of somebody is kept, with this text in it."""

    def __init__(self, text: str, bo: Any, ada: Any) -> None:
        get_user_model().objects.filter(pk=bo.pk).update(display_name=text[:100], first_name=text[:100])
        bo.refresh_from_db()
        self.bo, self.key = bo, "hostile"
        with transaction.atomic():
            parts = {"title": text[:200], "body": text, "reason": text[:200], "group_key": "talk", "level": "warning"}
            notify(bo, key=self.key, actor=text[:100], target=bo, **parts)
            notify(bo, key="filled", verb="comment.added", actor=bo, params={"target": text[:60], "name": text[:60]})
        self.inbox = Inbox.objects.of(bo)
        self.inbox.mute("conversation", "talk", text[:100], None)
        content = Content(title=text.strip()[:200], body=text, placement="both", asks_acknowledgement=True)
        self.broadcast = Broadcast.draft(content, bo)
        self.broadcast.publish(bo)
        self.job = self.failed(text)
        self.active = start_job(Counting, owner=bo, title=text[:200])
        Job.objects.filter(pk=self.active.pk).update(message=text[:200])
        self.talk(text, ada)

    def talk(self, text: str, ada: Any) -> None:
        """In a room and in private; with a report of it."""
        Allowance.objects.all().delete()
        said = text.replace("\x00", "").strip() or "-"
        self.room = Thread.make_room("hostile", said[:80], self.inbox, about=said[:300])
        self.message = say(self.bo, self.room, said[:4000])
        self.thread = write_to(ada, self.bo, said[:4000]).thread
        self.report = report(ada, self.message, said[:500])
        ThreadPresence.renew("hostile", [(self.room.pk, self.inbox.pk)])

    def failed(self, text: str) -> Job:
        try:
            with run_job(owner=self.bo, title=text[:200]) as job:
                job.log(text)
                raise JobFailed(text[:500])
        except JobFailed:
            pass
        made = Job.objects.filter(inbox=self.inbox).order_by("-queued_at")[0]
        Job.objects.filter(pk=made.pk).update(result_label=text[:100], result_size=3)
        return made

    def remove(self) -> None:
        """So that another text may stand there."""
        Job.objects.all().delete()
        Broadcast.objects.all().delete()
        Report.objects.all().delete()
        Thread.objects.all().delete()
        Follow.objects.all().delete()
        Notification.objects.all().delete()
        self.inbox.mutes.all().delete()

    def of_reader(self) -> list[str]:
        item = f"/inbox/{self.key}/"
        lists = ["/inbox/", "/inbox/?view=all", "/inbox/preferences/", "/jobs/", f"/jobs/{self.job.pk}/"]
        return [
            *lists,
            f"{item}?show=1",
            f"{item}more/",
            f"/inbox/{self.broadcast.row_key}/?show=1",
            "/accounts/profile/",
            "/threads/",
            "/rooms/hostile/",
            f"/threads/{self.thread.pk}/",
            f"/threads/{self.room.pk}/people/",
            f"/threads/{self.room.pk}/edit/",
            self.message.get_absolute_url(),
        ]

    def of_staff(self) -> list[str]:
        row = self.inbox.notifications.get(key=self.key).pk
        here = "/admin/notifications"
        lists = [
            f"{here}/notification/",
            f"{here}/broadcast/",
            f"{here}/job/",
            f"{here}/inbox/",
            "/admin/accounts/user/",
        ]
        changes = [f"{here}/notification/{row}/change/", f"{here}/inbox/{self.inbox.pk}/change/"]
        of_bo = [f"/admin/accounts/user/{self.bo.pk}/{page}/" for page in ("change", "delete", "history", "password")]
        one = f"/broadcasts/{self.broadcast.pk}"
        changes.append(f"{here}/report/{self.report.pk}/change/")
        lists.append(f"{here}/report/")
        return ["/admin/", *lists, *changes, *of_bo[:1], *of_bo[2:], "/broadcasts/", f"{one}/", f"{one}/edit/"]


class Counting:
    name, title, max_attempts, restarts = "tests.count", "Counting", 1, False
