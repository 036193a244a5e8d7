"""The people of a draft from a CSV file: who is found, what is said of the others, and who may do it."""

import csv
import io

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications import jobs, recipients
from notifications.jobs import cancel_job, start_job
from notifications.models import Broadcast, Content, Job
from notifications.tasks import import_recipients

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_workers(monkeypatch):
    monkeypatch.setattr("notifications.job_task.Sender.put", lambda *_: None)


@pytest.fixture
def ada(ada):
    """Staff, and allowed to broadcast."""
    ada.user_permissions.add(Permission.objects.get(codename="broadcast"))
    return ada


@pytest.fixture
def staff(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def draft(ada):
    return Broadcast.draft(Content(title="Lunch", body="Soup."), ada)


def address(draft):
    return f"/broadcasts/{draft.pk}/recipients/"


def upload(client, draft, content):
    content = content if isinstance(content, bytes) else content.encode()
    return client.post(address(draft), {"file": SimpleUploadedFile("people.csv", content)})


def imported(draft, content, by):
    """The job, done."""
    content = content if isinstance(content, bytes) else content.encode()
    job = start_job(import_recipients, owner=by, args=[draft.pk, "en"], upload=ContentFile(content, "people.csv"))
    import_recipients(str(job.pk), 1)
    job.refresh_from_db()
    draft.refresh_from_db()
    return job


def people(draft):
    return [*draft.people.order_by("username").values_list("username", flat=True), *draft.names.split()]


def report(client, job):
    response = client.get(reverse("notifications:job_result", args=[job.pk]))
    rows = csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"), newline=""))
    return [tuple(row) for row in rows]


def test_an_upload_leads_to_a_job_that_ends_at_the_draft_with_its_people(staff, draft, bo, chi):
    response = upload(staff, draft, "username\nbo\nchi\n")
    job = Job.objects.get()
    import_recipients(str(job.pk), 1)
    job.refresh_from_db()
    draft.refresh_from_db()
    assert response.url == job.get_absolute_url()
    assert (job.state, job.error, job.title_text) == ("succeeded", "", "People of “Lunch” from a file")
    assert (job.current, job.total, job.result_file) == (2, 2, "")
    assert job.result_url == f"/broadcasts/{draft.pk}/edit/"
    assert (draft.audience, people(draft), draft.title) == ("people", ["bo", "chi"], "Lunch")
    assert "2 named people" in staff.get(f"/broadcasts/{draft.pk}/").content.decode()
    assert draft.last_edit.changes["people"] == [[], ["bo", "chi"]]


@pytest.mark.parametrize(
    "content",
    [
        "username\nbo\nchi",
        "Name;Username;Town\r\nBo;bo;Ume\r\nChi;chi;Hue\r\n",
        "\ufeffUSERNAME\tage\nbo\t1\nchi\t2\n",
        "email\nbo@example.com\nCHI@Example.com\n",
        '"E-Mail","note"\n"bo@example.com","one,\ntwo"\n chi@example.com ,\n',
        "email,username\nnobody@example.com,bo\n,chi\n",
        "username\nbo\nchi\n\n\n",
        "username\rbo\rchi\r",
    ],
    ids=["plain", "semicolons", "mark and tabs", "addresses", "quotes", "names first", "empty end", "old"],
)
def test_files_as_spreadsheets_write_them_are_read(draft, ada, bo, chi, content):
    job = imported(draft, content, ada)
    assert (job.state, job.result_file, people(draft)) == ("succeeded", "", ["bo", "chi"])
    assert (job.current, job.total, job.fraction) == (2, 2, 1.0)


def test_what_is_wrong_with_a_line_is_said_in_the_log_and_in_a_file(staff, draft, ada, bo, chi, dana):
    users = get_user_model().objects
    users.filter(pk=dana.pk).update(is_active=False)
    for name in ("twin-1", "twin-2"):
        users.create_user(name, "twin@example.com")
    lines = ["email", "bo@example.com", "nobody@example.com", "", "dana@example.com", "twin@example.com"]
    job = imported(draft, "\n".join([*lines, "BO@example.com", "=1+1", "chi@example.com"]), ada)
    assert report(staff, job) == [
        ("line", "value", "problem"),
        ("3", "nobody@example.com", "There is no such account."),
        ("4", "", "Nothing stands in this line."),
        ("5", "dana@example.com", "This account is not active."),
        ("6", "twin@example.com", "Several accounts have this address."),
        ("7", "BO@example.com", "The same person stands in line 2."),
        ("8", "'=1+1", "There is no such account."),
    ]
    log = [line.text for line in job.lines.all()]
    assert log[0] == "3 · nobody@example.com · There is no such account."
    assert log[1] == "4 · Nothing stands in this line."
    assert log[-1] == "People: 2. Lines left out: 6."
    assert (job.result_label, people(draft)) == ("not-imported.csv", ["bo", "chi"])


def test_of_two_accounts_with_an_address_the_active_one_is_meant(draft, ada, bo):
    get_user_model().objects.create_user("old-bo", "bo@example.com", is_active=False)
    assert imported(draft, "email\nbo@example.com", ada).state == "succeeded"
    assert people(draft) == ["bo"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name\nbo", "The file has no column “username”, “email”, “e-mail”. Its first line must name the columns."),
        ("bo\nchi", "The file has no column “username”, “email”, “e-mail”. Its first line must name the columns."),
        ("username\nbö".encode("latin-1"), "The file is not in UTF-8. Save it as “CSV UTF-8”, and upload it once"),
        ("username\nbo".encode("utf-16"), "The file is not in UTF-8."),
        ("username\nbo\n" + "x" * 200_000, "Line 3 cannot be read. Perhaps a quotation mark is missing there."),
        ("username\nx\ny\n\0", "No line names an active account. The draft is as it was."),
        ("username\n", "No line names an active account."),
        ("username\n" + "x\n" * 100_001, "The file has more than 100,000 lines."),
        ("username\r" + "x\r" * 100_001, "The file has more than 100,000 lines."),
    ],
    ids=["no column", "no header", "latin-1", "utf-16", "no csv", "nobody", "nothing", "too long", "too long, of old"],
)
def test_what_cannot_be_imported_fails_in_words_and_changes_nothing(draft, ada, bo, content, said):
    before = draft.version
    job = imported(draft, content, ada)
    assert job.state == "failed"
    assert job.error_text.startswith(said)
    assert (draft.version, draft.audience, people(draft)) == (before, "everyone", [])


def test_twenty_thousand_lines_cost_a_query_for_each_five_hundred(staff, draft, ada):
    users = get_user_model()
    users.objects.bulk_create(users(username=f"person-{n:05}") for n in range(19_000))
    lines = [f"person-{n:05}" if n % 20 else f"nobody-{n}" for n in range(20_000)]
    with CaptureQueriesContext(connection) as captured:
        job = imported(draft, "username\n" + "\n".join(lines), ada)
    asked = [query["sql"] for query in captured.captured_queries if '"called"' in query["sql"]]
    assert (job.state, job.current, job.total, len(asked)) == ("succeeded", 20_000, 20_000, 40)
    assert (len(people(draft)), len(report(staff, job))) == (18_050, 1 + 1_950)
    log = [line.text for line in job.lines.all()]
    assert len(log) == recipients.LOGGED_LIMIT + 2
    assert log[-2] == "There are more of them. All are in the file that this job makes."
    assert "18,050 named people" in staff.get(f"/broadcasts/{draft.pk}/").content.decode()
    assert staff.get(f"/broadcasts/{draft.pk}/edit/").status_code == 200


def test_twice_does_no_harm(draft, ada, bo):
    for _ in range(2):
        assert imported(draft, "username\nbo", ada).state == "succeeded"
    assert people(draft) == ["bo"]


def test_a_double_click_begins_one(staff, draft, bo):
    assert upload(staff, draft, "username\nbo").url == upload(staff, draft, "username\nbo").url
    assert Job.objects.count() == 1


def test_what_somebody_changes_meanwhile_stays(draft, ada, bo, monkeypatch):
    content = Broadcast.content.fget
    edits = [Content(title="Dinner", body="Stew.")]

    def edited_meanwhile(broadcast):
        known = content(broadcast)
        if edits:
            Broadcast.objects.get(pk=broadcast.pk).rewrite(edits.pop(), ada)
        return known

    monkeypatch.setattr(Broadcast, "content", property(edited_meanwhile))
    assert imported(draft, "username\nbo", ada).state == "succeeded"
    assert (draft.title, people(draft)) == ("Dinner", ["bo"])


@pytest.mark.parametrize("what", ["publish", "discard"])
def test_what_is_no_draft_any_more_keeps_its_people(draft, ada, bo, what, monkeypatch):
    found = recipients.Found.take

    def meanwhile(*arguments):
        getattr(Broadcast.objects.get(pk=draft.pk), what)()
        return found(*arguments)

    monkeypatch.setattr(recipients.Found, "take", meanwhile)
    job = start_job(import_recipients, owner=ada, args=[draft.pk, "en"], upload=ContentFile(b"username\nbo", "x"))
    import_recipients(str(job.pk), 1)
    job.refresh_from_db()
    said = "It is no draft any more" if what == "publish" else "The draft is gone."
    assert job.state == "failed"
    assert job.error_text.startswith(said)
    assert Broadcast.objects.filter(audience="people").count() == 0


def test_who_may_not_broadcast_any_more_does_not_by_an_old_job_either(draft, ada, bo):
    ada.is_staff = False
    ada.save()
    job = imported(draft, "username\nbo", ada)
    assert (job.state, job.error_text) == ("failed", "You may not send broadcasts any more.")
    assert people(draft) == []


def test_cancelled_in_the_middle_it_changes_nothing(draft, ada, bo, monkeypatch):
    monkeypatch.setattr(recipients, "BATCH", 1)

    def work(running):
        cancel_job(running.row)
        running.reporter.verdict = "cancelled"
        return recipients.import_recipients(running, draft.pk, "en")

    job = start_job(import_recipients, owner=ada, upload=ContentFile(b"username\nbo\nchi", "x"))
    jobs.carry_out(job.pk, 1, work)
    job.refresh_from_db()
    draft.refresh_from_db()
    assert (job.state, job.current, draft.audience) == ("cancelled", 1, "everyone")


# The door.


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "This file is empty. Its first line names the columns"),
        (b"x" * (5 * 1024 * 1024 + 200_000), "This file has 5.2 MB. Choose one with at most 5 MB."),
        (None, "Choose a CSV file first."),
    ],
    ids=["empty", "large", "none"],
)
def test_what_is_no_file_for_it_is_refused_in_words_beside_its_field(staff, draft, content, said):
    response = staff.post(address(draft)) if content is None else upload(staff, draft, content)
    html = response.content.decode()
    assert response.status_code == 422
    assert said in html
    assert 'value="people" id="id_audience_3" checked' in html.replace(" required", "")
    assert not Job.objects.exists()


def test_strangers_and_readers_are_refused_and_so_is_get(client, draft, bo, ada):
    assert upload(client, draft, "username\nbo").url.startswith("/accounts/login/")
    client.force_login(bo)
    assert upload(client, draft, "username\nbo").status_code == 404
    client.force_login(ada)
    assert client.get(address(draft)).status_code == 405
    assert client.post("/broadcasts/999/recipients/").status_code == 404
    assert not Job.objects.exists()


def test_of_a_published_one_nothing_is_begun(staff, draft):
    draft.publish()
    assert upload(staff, draft, "username\nbo").url == f"/broadcasts/{draft.pk}/"
    assert not Job.objects.exists()


def test_the_form_offers_it_for_a_saved_draft_and_says_so_before(staff, draft):
    assert 'form="recipients-form"' in staff.get(f"/broadcasts/{draft.pk}/edit/").content.decode()
    new = staff.get("/broadcasts/new/").content.decode()
    assert "Save the draft with one of them" in new
    assert "recipients-form" not in new
