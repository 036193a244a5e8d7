"""The nouns and their verbs: the only code that writes."""

from .board import Board
from .browser import Browser
from .draft import Draft, InvalidNotification
from .inbox import Inbox, InvalidSnooze
from .mute import Mute
from .notification import KeyTaken, Notification, Retraction
from .sighting import Sighting
from .undo import TooLate, Undo

__all__ = [
    "Board",
    "Browser",
    "Draft",
    "Inbox",
    "InvalidNotification",
    "InvalidSnooze",
    "KeyTaken",
    "Mute",
    "Notification",
    "Retraction",
    "Sighting",
    "TooLate",
    "Undo",
]
