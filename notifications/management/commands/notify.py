from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifications import categories
from notifications.delivery import notify
from notifications.live import push


class Command(BaseCommand):
    help = "Put a notification into a user's inbox."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="who gets it: a user name")
        parser.add_argument("title", help="at most 200 characters")
        parser.add_argument("--body", default="", help="at most 4,000 characters")
        parser.add_argument("--url", default="", help="an http(s) link, or a path of this site")
        parser.add_argument("--category", default="general", help="one of those registered in code")
        parser.add_argument("--level", default="", help=", ".join(categories.LEVELS))
        parser.add_argument("--key", default="", help="the same key again sends nothing a second time")

    def handle(self, *, user: str, title: str, **options: Any) -> None:
        users = get_user_model()
        recipient = users._default_manager.filter(**{users.USERNAME_FIELD: user}).first()
        if recipient is None:
            raise CommandError(f"There is no user {user!r}.")
        content = {name: options[name] for name in ("body", "url", "category", "level", "key")}
        try:
            notification = notify(recipient, title=title, **content)
        except ValueError as error:
            raise CommandError(str(error)) from error
        push.flush()
        if notification is None:
            why = f"has switched {options['category']} off" if recipient.is_active else "is inactive"
            raise CommandError(f"Nothing was sent: {user} {why}.")
        self.stdout.write(f"{user} has it: {notification.get_absolute_url()}")
