"""manage.py demo_jobs [USER]: one job for each way in which a job can go."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.demo.jobs import MANY, SCENES
from accounts.tasks import play_demo_job
from notifications import job_task
from notifications.jobs import start_job
from notifications.live import push


class Command(BaseCommand):
    help = "Starts a job for each way in which one can go, and a queue of small ones. Only with DEBUG."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", nargs="?", default="bo", help="whose jobs they are: a user name; bo by default")
        parser.add_argument("--only", nargs="+", choices=SCENES, help="these, one of each")

    def handle(self, *, user: str, only: list[str] | None = None, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("One of these jobs kills its worker: demo_jobs works only with DEBUG=1.")
        owner = get_user_model()._default_manager.filter(username=user).first()
        if owner is None:
            raise CommandError(f"There is no user {user!r}. manage.py demo_data makes ada, bo, chi and dana.")
        if only:
            jobs = [start(owner, scene, number=1) for scene in only]
        else:
            jobs = [start(owner, scene) for scene in SCENES if scene != "small"]
            jobs += [start(owner, "small", number=number + 1) for number in range(MANY)]
        push.flush()
        if not job_task.sender().flush(3):
            self.stderr.write("The broker does not answer: the tick sends what waits once it does.")
        self.stdout.write(f"{user} has {len(jobs)} jobs more: /jobs/")


def start(owner: Any, scene: str, **params: Any) -> Any:
    return start_job(play_demo_job, owner=owner, title=SCENES[scene][0], params=params, args=[scene])
