"""Waiting until nothing is to come any more, so that what comes next has one cause only."""

import asyncio

from asgiref.sync import sync_to_async

from notifications.delivery import anotify
from notifications.live import groups, hub
from notifications.models import Inbox


async def eventually(is_true, patience=30):
    async with asyncio.timeout(patience):
        while not is_true():  # noqa: ASYNC110  (nothing tells when)
            await asyncio.sleep(0)


async def has_nothing_to_come(user, page):
    """Wait until nudges reach the page and it lacks nothing. It gives nobody a reason to look again."""
    page.acknowledges = False
    inbox = await sync_to_async(Inbox.objects.of)(user)
    await eventually(lambda: hub.current().bus.hears(groups.inbox(inbox.pk)))
    await anotify(user, title="All is well")
    await page.until(lambda: "All is well" in page.text("#feed"))
