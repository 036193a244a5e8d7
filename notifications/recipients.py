"""The people of a draft from a CSV file: each line names one; what is wrong with a line is said with its number."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.core.files import File
from django.db.models import F
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from .broadcasting import may_broadcast
from .job_results import JobFailed, Result
from .models import Broadcast, InvalidBroadcast, WrongState
from .models.broadcast import DRAFT
from .running_job import RunningJob
from .spreadsheets import guarded, new_csv

BATCH = 500  # people in one query
LINES_LIMIT = 100_000
LOGGED_LIMIT = 200  # lines of the job's log
DELIMITERS = ",;\t"
ENDS = (b"\n", b"\r")  # of lines; Windows writes both, and old spreadsheets the second alone
BY_NAME, BY_ADDRESS = "name", "address"
COLUMNS = {"username": BY_NAME, "email": BY_ADDRESS, "e-mail": BY_ADDRESS}

NOT_ALLOWED = _("You may not send broadcasts any more.")
NO_DRAFT = _("The draft is gone.")
TOO_LATE = _("It is no draft any more, and keeps its people.")
NO_COLUMN = _("The file has no column {names}. Its first line must name the columns.")
NOT_UTF8 = _("The file is not in UTF-8. Save it as “CSV UTF-8”, and upload it once more.")
NO_CSV = _("Line {line} cannot be read. Perhaps a quotation mark is missing there.")
TOO_LONG = _("The file has more than {limit} lines. Divide it, or send to a group.")
NOBODY = _("No line names an active account. The draft is as it was.")

NOTHING = _("Nothing stands in this line.")
UNKNOWN = _("There is no such account.")
INACTIVE = _("This account is not active.")
AMBIGUOUS = _("Several accounts have this address.")
TWICE = _("The same person stands in line {line}.")


@dataclass(frozen=True)
class Line:
    number: int  # as an editor counts
    value: str


@dataclass(frozen=True)
class Account:
    pk: Any
    name: str
    is_active: bool


@dataclass
class Found:
    """Who was found so far: the user names, and in which line each stands."""

    names: list[str] = field(default_factory=list)
    lines: dict[Any, int] = field(default_factory=dict)

    def take(self, line: Line, accounts: Sequence[Account]) -> str:
        """What is wrong with this line; empty: nothing."""
        active = [account for account in accounts if account.is_active]
        if not line.value:
            return gettext(NOTHING)
        if not accounts:
            return gettext(UNKNOWN)
        if not active:
            return gettext(INACTIVE)
        if len(active) > 1:
            return gettext(AMBIGUOUS)
        if active[0].pk in self.lines:
            return gettext(TWICE).format(line=self.lines[active[0].pk])
        self.lines[active[0].pk] = line.number
        self.names.append(active[0].name)
        return ""


def import_recipients(job: RunningJob, broadcast_id: int, language: str) -> Result:
    """Address the draft to the people of the uploaded file. The lines that name nobody become a file of their own."""
    found = Found()
    with translation.override(language), job.open_upload() as upload, new_csv() as (path, report):
        draft = draft_of(job.owner, broadcast_id)
        report.writerow([gettext("line"), gettext("value"), gettext("problem")])
        bad = 0
        for line, problem in checked(job, upload, found):
            bad += 1
            report.writerow([line.number, guarded(line.value), problem])
            note(job, bad, line, problem)
        if not found.names:
            raise JobFailed(NOBODY)
        job.checkpoint()
        job.message(_("Saving the list"))
        address(draft, found.names, job.owner)
        job.log(gettext("People: {found}. Lines left out: {bad}.").format(found=len(found.names), bad=bad))
        url = reverse("notifications:edit_broadcast", args=[draft.pk])
        if bad:
            return Result(url=url, file=path, label=gettext("not-imported.csv"))
        path.unlink()
        return Result(url=url, label=gettext("Edit the broadcast"))


def draft_of(owner: Any, broadcast_id: int) -> Broadcast:
    """Raises JobFailed. What its owner was allowed at the click may be over when the job is done, or done once more."""
    if not (owner.is_active and may_broadcast(owner)):
        raise JobFailed(NOT_ALLOWED)
    draft = Broadcast.objects.real().filter(pk=broadcast_id).first()
    if draft is None:
        raise JobFailed(NO_DRAFT)
    if draft.state != DRAFT:
        raise JobFailed(TOO_LATE)
    return draft


def address(draft: Broadcast, names: list[str], by: Any) -> None:
    try:
        draft.address_people(names, by)
    except Broadcast.DoesNotExist:
        raise JobFailed(NO_DRAFT) from None
    except WrongState:
        raise JobFailed(TOO_LATE) from None
    except InvalidBroadcast as error:
        raise JobFailed(" ".join(error.messages)) from None


def note(job: RunningJob, count: int, line: Line, problem: str) -> None:
    if count <= LOGGED_LIMIT:
        job.log(" · ".join([str(line.number), *([line.value[:100]] if line.value else []), problem]))
    elif count == LOGGED_LIMIT + 1:
        job.log(gettext("There are more of them. All are in the file that this job makes."))


def checked(job: RunningJob, upload: "File[Any]", found: Found) -> Iterator[tuple[Line, str]]:
    """The lines with which something is wrong, and what that is."""
    job.message(_("Looking people up"))
    with job.part(count_lines(upload)) as part:
        kind, lines = lines_of(upload)
        while batch := list(islice(lines, BATCH)):
            accounts = accounts_of(kind, [line.value for line in batch if line.value])
            for line in batch:
                if problem := found.take(line, accounts.get(key_of(kind, line.value), ())):
                    yield line, problem
            job.advance(len(batch))
            job.checkpoint()
        part.total = part.current  # empty lines at the end, and those within quotation marks, name nobody


def accounts_of(kind: str, values: Iterable[str]) -> dict[str, list[Account]]:
    """By what the file calls them; e-mail addresses however they are written."""
    users: Any = get_user_model()
    name = F(users.USERNAME_FIELD)
    column = name if kind == BY_NAME else Lower(users.get_email_field_name())
    wanted = {key_of(kind, value) for value in values}
    rows = users._default_manager.annotate(called=column).filter(called__in=wanted)
    found: dict[str, list[Account]] = defaultdict(list)
    for called, *account in rows.values_list("called", "pk", users.USERNAME_FIELD, "is_active"):
        found[called].append(Account(*account))
    return found


def key_of(kind: str, value: str) -> str:
    return value if kind == BY_NAME else value.lower()


# The file.


def count_lines(upload: "File[Any]") -> int:
    """But for the first, which names the columns. Raises JobFailed for more than we take."""
    upload.seek(0)
    counts: Counter[bytes] = Counter()
    last = b"\n"
    while part := upload.read(64 * 1024):
        counts.update({end: part.count(end) for end in ENDS})
        last = part[-1:]
    count = max(counts.values(), default=0) + (last not in ENDS)
    if count > LINES_LIMIT + 1:
        raise JobFailed(TOO_LONG, limit=f"{LINES_LIMIT:,}")
    return max(count - 1, 0)


def lines_of(upload: Any) -> tuple[str, Iterator[Line]]:
    """By what the file names people, and its lines. Raises JobFailed."""
    upload.seek(0)
    text = TextIOWrapper(upload.file, encoding="utf-8-sig", newline="")
    try:
        head = text.readline()
        delimiter = max(DELIMITERS, key=head.count)
        names = [name.strip().casefold() for name in next(csv.reader([head], delimiter=delimiter), [])]
    except UnicodeDecodeError:
        raise JobFailed(NOT_UTF8) from None
    except csv.Error:
        raise JobFailed(NO_CSV, line=1) from None
    known = next((name for name in COLUMNS if name in names), None)
    if known is None:
        raise JobFailed(NO_COLUMN, names=", ".join(f"“{name}”" for name in COLUMNS))
    return COLUMNS[known], without_end(cells(text, delimiter, names.index(known)))


def cells(text: Any, delimiter: str, column: int) -> Iterator[Line]:
    rows = csv.reader(text, delimiter=delimiter)
    try:
        for row in rows:
            value = row[column] if column < len(row) else ""
            yield Line(rows.line_num + 1, value.replace("\x00", "").strip())
    except UnicodeDecodeError:
        raise JobFailed(NOT_UTF8) from None
    except csv.Error:
        raise JobFailed(NO_CSV, line=rows.line_num + 1) from None


def without_end(lines: Iterable[Line]) -> Iterator[Line]:
    """Without the empty lines at its end."""
    empty: list[Line] = []
    for line in lines:
        if line.value:
            yield from empty
            empty.clear()
            yield line
        else:
            empty.append(line)
