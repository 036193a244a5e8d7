"""The names of groups and message types on the channel layer; each is written here and nowhere else."""

#: The group of every hub.
HUBS = "inboxes"

#: The group of every hub, too: for what concerns all readers.
BROADCASTS = "broadcasts"

INBOX = "inbox."
THREAD = "thread."

#: Message types. A message carries ids and numbers, never HTML.
CHANGED = "inbox.changed"  # {"revisions": {"7": 42}}
SESSIONS = "sessions.changed"  # {"inbox": 7, "ended": digest of the session that signed out, or ""}
BOARD = "board.changed"  # {"revision": 12}
JOB = "job.changed"  # {"job": UUID, "inbox": 7, "version": 3}
THREAD_CHANGED = "thread.changed"  # {"thread": 5, "revision": 42}
CANARY = "hub.canary"  # {"hub": channel, "number": 5}


def inbox(inbox_id: int) -> str:
    """The group of one user's inbox."""
    return f"{INBOX}{inbox_id}"


def thread(thread_id: int) -> str:
    """The group of the hubs where somebody has this thread open."""
    return f"{THREAD}{thread_id}"
