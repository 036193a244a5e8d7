"""The nouns and their verbs: the only code that writes."""

from .board import Board
from .browser import Browser
from .draft import Draft, InvalidNotification
from .inbox import CategoryMute, Inbox
from .notification import KeyTaken, Notification, Retraction

__all__ = [
    "Board",
    "Browser",
    "CategoryMute",
    "Draft",
    "Inbox",
    "InvalidNotification",
    "KeyTaken",
    "Notification",
    "Retraction",
]
