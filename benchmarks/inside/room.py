"""A room of the first readers, with their pages open: `python -m benchmarks.inside.room COUNT PAGES`, in the site's
surroundings. The pages' forms say that they show it, and that they are looked at."""

import json
import sys
from pathlib import Path

import django

if __name__ == "__main__":
    django.setup()

from notifications.models import Inbox, Thread


def main(count: int, path: Path) -> None:
    inboxes = list(Inbox.objects.filter(user__username__startswith="reader").order_by("user__username")[:count])
    room = Thread.make_room("soup", "Soup", inboxes[0])
    room.admit([inbox.pk for inbox in inboxes])
    shown = {"thread": str(room.pk), "thread_was": str(room.revision), "thread_from": f"0@{room.revision}", "here": "1"}
    fields = json.dumps(shown, separators=(",", ":"))[1:-1]
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line.replace('feed:all', 'none')},{fields}\n" for line in lines))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
