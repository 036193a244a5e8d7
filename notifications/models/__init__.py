"""The nouns and their verbs: the only code that writes."""

from . import any_of  # noqa: F401  (a lookup)
from .allowance import Allowance, TooFast
from .audience import Audience
from .block import Block
from .board import Board
from .broadcast import Broadcast
from .broadcast_content import Content, InvalidBroadcast
from .broadcast_event import BroadcastEvent
from .broadcast_refusals import EditedMeanwhile, WrongState
from .browser import Browser
from .draft import Draft, InvalidNotification
from .follow import Follow, Level
from .inbox import Inbox, InvalidSnooze
from .job import Job
from .job_history import JobAttempt, JobLine
from .message import InvalidMessage, Message, MessageContent
from .mute import Mute
from .noticeboard import Noticeboard
from .notification import KeyTaken, Notification, Retraction
from .presence import Presence
from .reach import Reach
from .report import Report
from .sighting import Sighting
from .thread import Thread
from .thread_presence import ThreadPresence
from .undo import TooLate, Undo

__all__ = [
    "Allowance",
    "Audience",
    "Block",
    "Board",
    "Broadcast",
    "BroadcastEvent",
    "Browser",
    "Content",
    "Draft",
    "EditedMeanwhile",
    "Follow",
    "Inbox",
    "InvalidBroadcast",
    "InvalidMessage",
    "InvalidNotification",
    "InvalidSnooze",
    "Job",
    "JobAttempt",
    "JobLine",
    "KeyTaken",
    "Level",
    "Message",
    "MessageContent",
    "Mute",
    "Noticeboard",
    "Notification",
    "Presence",
    "Reach",
    "Report",
    "Retraction",
    "Sighting",
    "Thread",
    "ThreadPresence",
    "TooFast",
    "TooLate",
    "Undo",
    "WrongState",
]
