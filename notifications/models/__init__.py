"""The nouns and their verbs: the only code that writes."""

from . import any_of  # noqa: F401  (a lookup)
from .audience import Audience
from .board import Board
from .broadcast import Broadcast
from .broadcast_content import Content, InvalidBroadcast
from .broadcast_event import BroadcastEvent
from .broadcast_refusals import EditedMeanwhile, WrongState
from .browser import Browser
from .draft import Draft, InvalidNotification
from .inbox import Inbox, InvalidSnooze
from .job import Job
from .job_history import JobAttempt, JobLine
from .mute import Mute
from .noticeboard import Noticeboard
from .notification import KeyTaken, Notification, Retraction
from .presence import Presence
from .reach import Reach
from .sighting import Sighting
from .undo import TooLate, Undo

__all__ = [
    "Audience",
    "Board",
    "Broadcast",
    "BroadcastEvent",
    "Browser",
    "Content",
    "Draft",
    "EditedMeanwhile",
    "Inbox",
    "InvalidBroadcast",
    "InvalidNotification",
    "InvalidSnooze",
    "Job",
    "JobAttempt",
    "JobLine",
    "KeyTaken",
    "Mute",
    "Noticeboard",
    "Notification",
    "Presence",
    "Reach",
    "Retraction",
    "Sighting",
    "TooLate",
    "Undo",
    "WrongState",
]
