"""Pictures of people: what may be one, what is made of it, and that every page that shows the face learns of it."""

import io
import struct
import zlib

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from accounts import avatars
from accounts.tasks import make_avatar, show_without_avatar
from notifications.delivery import anotify, notify
from notifications.jobs import cancel_job
from notifications.live import hub
from notifications.models import Inbox, Job, Notification, faces
from notifications.models.faces import renew_face
from notifications.testing import LivePage
from notifications.testing.dom import source

pytestmark = pytest.mark.django_db(transaction=True)

UPLOAD, REMOVE, PROFILE = reverse("accounts:upload_avatar"), reverse("accounts:remove_avatar"), "/accounts/profile/"


@pytest.fixture(autouse=True)
def _no_workers(monkeypatch):
    monkeypatch.setattr("notifications.job_task.Sender.put", lambda *_: None)


@pytest.fixture
def as_bo(client, bo):
    client.force_login(bo)
    return client


def picture(kind="PNG", size=(40, 20), colour="red", **options):
    content = io.BytesIO()
    Image.new("RGB", size, colour).save(content, kind, **options)
    return content.getvalue()


def upload(client, content, name="me.png"):
    return client.post(UPLOAD, {"picture": SimpleUploadedFile(name, content)})


def bomb(width, height, rows=None):
    """A real PNG of some kilobytes, with that many pixels; or with so many rows, which only claims to have them."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 + width * 3)) for _ in range(rows or height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def carry_out(user, task=make_avatar):
    """Do the newest job; the user and the job, as they are then."""
    job = Job.objects.filter(inbox__user=user, task=task.name).latest("queued_at")
    task(str(job.pk), job.attempt + 1)
    job.refresh_from_db()
    user.refresh_from_db()
    return user, job


def wearing(client, user, content=None):
    upload(client, content or picture())
    return carry_out(user)[0]


def opened(user, size):
    return Image.open(io.BytesIO(avatars.read_file(user.avatar, size)))


def files():
    try:
        return sorted(default_storage.listdir("avatars")[1])
    except FileNotFoundError:
        return []


@pytest.fixture(autouse=True)
def _no_files_of_others():
    yield
    for name in files():
        default_storage.delete(f"avatars/{name}")


# What is made of it.


def test_an_upload_becomes_three_squares_by_a_job(as_bo, bo):
    response = upload(as_bo, picture())
    bo, job = carry_out(bo)
    assert response.url == job.get_absolute_url()
    assert (job.state, job.error_text, job.result_url, job.phase) == ("succeeded", "", PROFILE, 3)
    assert [(opened(bo, size).format, opened(bo, size).size) for size in (32, 64, 256)] == [
        ("WEBP", (32, 32)),
        ("WEBP", (64, 64)),
        ("WEBP", (256, 256)),
    ]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_four_formats_will_do(as_bo, bo, kind):
    bo = wearing(as_bo, bo, picture(kind))
    assert opened(bo, 64).getpixel((32, 32))[0] > 200


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "I;16", "1", "CMYK"])
def test_so_will_every_kind_of_colour(as_bo, bo, mode):
    content = io.BytesIO()
    Image.new(mode, (40, 20)).save(content, "JPEG" if mode == "CMYK" else "PNG")
    assert opened(wearing(as_bo, bo, content.getvalue()), 32).mode == "RGB"


def test_the_middle_is_cut_out(as_bo, bo):
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("blue", (100, 0, 200, 100))
    content = io.BytesIO()
    wide.save(content, "PNG")
    bo = wearing(as_bo, bo, content.getvalue())
    assert all(opened(bo, 256).getpixel(at)[2] > 200 for at in [(5, 5), (250, 250)])


def test_it_stands_upright_and_says_nothing_of_where_it_was_taken(as_bo, bo):
    sideways = Image.new("RGB", (200, 200), "red")
    sideways.paste("blue", (0, 0, 100, 200))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    exif.get_ifd(0x8825)[1] = "N"
    content = io.BytesIO()
    sideways.save(content, "JPEG", exif=exif, comment=b"secret place")
    bo = wearing(as_bo, bo, content.getvalue())
    made = opened(bo, 256)
    assert made.getpixel((128, 20))[2] > 200 > made.getpixel((128, 230))[2]
    assert not made.getexif()
    assert {"exif", "xmp", "icc_profile", "comment"} & made.info.keys() == set()
    assert b"secret" not in avatars.read_file(bo.avatar, 256)


def test_of_an_animation_the_first_frame_is_taken(as_bo, bo):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    content = io.BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
    assert opened(wearing(as_bo, bo, content.getvalue()), 32).getpixel((16, 16))[0] > 200


# What is none.


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "This file is empty. Choose a PNG, JPEG, WebP or GIF file."),
        (b"hello", "This is no picture that we can read. Choose a PNG, JPEG, WebP or GIF file."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This is no picture that we can read."),
        (picture("BMP"), "This is no picture that we can read."),
        (picture()[:-20], "This is no picture that we can read."),
        (b"x" * (5 * 1024 * 1024 + 200_000), "This file has 5.2 MB. Choose one with at most 5 MB."),
    ],
    ids=["empty", "text", "svg", "another format", "cut off", "large"],
)
def test_what_is_no_picture_is_refused_in_words(as_bo, bo, content, said):
    response = upload(as_bo, content)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Job.objects.exists()


def test_so_is_nothing_at_all(as_bo):
    response = as_bo.post(UPLOAD)
    assert response.status_code == 422
    assert "Choose a picture first" in response.content.decode()


@pytest.mark.parametrize("size", [(10_000, 5_000), (20_000, 15_000, 10)], ids=["50 megapixels", "300 megapixels"])
def test_a_bomb_is_refused_by_its_header_and_never_decoded(as_bo, monkeypatch, size):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("It was decoded."))
    content = bomb(*size)
    assert len(content) < 1024 * 1024
    response = upload(as_bo, content)
    assert response.status_code == 422
    assert "too many pixels. Choose one with at most 25 million" in response.content.decode()


def test_the_worker_looks_at_the_header_once_more(bo, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("It was decoded."))
    avatars.change(bo, ContentFile(bomb(10_000, 5_000)), make_avatar)
    _, job = carry_out(bo)
    assert (job.state, job.error_text[:36]) == ("failed", "This picture has too many pixels. Ch")


def test_a_picture_that_is_drawn_over_too_often_is_refused(as_bo):
    content = picture("JPEG", progressive=True)
    scan, end = content[content.rindex(avatars.START_OF_SCAN) : -2], content[-2:]
    response = upload(as_bo, content[:-2] + scan * avatars.SCANS_LIMIT + end)
    assert response.status_code == 422
    assert "no picture that we can read" in response.content.decode()
    assert not Job.objects.exists()


def test_what_turns_out_to_be_damaged_fails_in_words_and_leaves_no_file(as_bo, bo):
    content = bytearray(picture("JPEG", (300, 300)))
    del content[-len(content) // 3 :]
    upload(as_bo, bytes(content))
    bo, job = carry_out(bo)
    assert (job.state, job.error_text[:35], bo.avatar) == ("failed", "This is no picture that we can read", "")
    assert files() == []


# Whose it is.


def test_strangers_are_led_to_the_sign_in_page_and_get_no_picture(as_bo, client, bo):
    address = wearing(as_bo, bo).avatar_url
    client.logout()
    assert client.get(address).status_code == 404
    for path in (UPLOAD, REMOVE):
        assert client.post(path).url.startswith("/accounts/login/")
    bo.refresh_from_db()
    assert bo.avatar


def test_uploading_and_removing_refuse_get_and_want_the_token_of_the_site(as_bo, bo):
    assert [as_bo.get(path).status_code for path in (UPLOAD, REMOVE)] == [405, 405]
    as_bo.handler.enforce_csrf_checks = True
    assert [as_bo.post(path).status_code for path in (UPLOAD, REMOVE)] == [403, 403]


def test_whoever_is_signed_in_sees_it_and_keeps_it(as_bo, bo, chi, client):
    address = wearing(as_bo, bo).avatar_url
    client.force_login(chi)
    response = client.get(address)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/webp")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize("name", ["0" * 32 + "-64.webp", "0" * 32 + "-63.webp", "..%2f..%2fsecret-64.webp"])
def test_what_is_not_there_is_not_found(as_bo, name):
    assert as_bo.get(f"/accounts/avatars/{name}").status_code == 404


# Another one, and none.


def test_a_new_picture_takes_the_place_of_the_old_one_whose_files_go(as_bo, bo):
    before = wearing(as_bo, bo).avatar
    bo = wearing(as_bo, bo, picture(colour="blue"))
    assert bo.avatar != before
    assert files() == sorted(f"{bo.avatar}-{size}.webp" for size in (32, 64, 256))


def test_the_same_picture_twice_is_one_job_and_another_one_takes_its_place(as_bo, bo):
    first = upload(as_bo, picture()).url
    assert upload(as_bo, picture()).url == first
    upload(as_bo, picture(colour="blue"))
    assert sorted(Job.objects.values_list("state", flat=True)) == ["cancelled", "queued"]


def test_a_picture_that_was_given_up_while_it_was_made_is_not_worn(as_bo, bo, monkeypatch):
    draw = avatars.drawn

    def give_up(square, size):
        avatars.give_up(bo)
        return draw(square, size)

    monkeypatch.setattr(avatars, "drawn", give_up)
    upload(as_bo, picture())
    bo, job = carry_out(bo)
    assert (job.state, bo.avatar, files()) == ("cancelled", "", [])


def test_removing_it_leaves_no_file_and_twice_does_no_harm(as_bo, bo):
    wearing(as_bo, bo)
    for _ in range(2):
        assert as_bo.post(REMOVE).url == PROFILE
    bo, job = carry_out(bo, show_without_avatar)
    assert (bo.avatar, bo.avatar_url, files()) == ("", "", [])
    assert job.state == "succeeded"
    assert Job.objects.filter(task=show_without_avatar.name).count() == 1


def test_a_deleted_account_leaves_no_picture(as_bo, bo):
    wearing(as_bo, bo).delete()
    assert files() == []


# Where it is shown.


def test_it_stands_in_the_menu_and_in_the_profile(as_bo, bo):
    assert "/accounts/avatars/" not in as_bo.get(PROFILE).content.decode()
    bo = wearing(as_bo, bo)
    html = as_bo.get(PROFILE).content.decode()
    assert bo.avatar_url in html
    assert bo.large_avatar_url in html
    assert REMOVE in html


@pytest.fixture
async def live(transactional_db):
    yield
    await hub.drain()


@pytest.mark.usefixtures("live")
async def test_it_appears_on_open_pages_and_on_those_that_come_back(bo, chi, async_client):
    await anotify(chi, title="Hello", actor=bo)
    async with LivePage(chi) as page:
        assert "/accounts/avatars/" not in str(page.shown())
        await page.cut()
        await async_client.aforce_login(bo)
        await async_client.post(UPLOAD, {"picture": SimpleUploadedFile("me.png", picture())})
        await sync_to_async(carry_out)(bo)
        await page.connect()
        await page.until(lambda: bo.avatar_url in str(page.shown()))
        fresh = await LivePage(chi, client=page.client).load()
        assert page.shown() == fresh.shown()


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("path", ["/inbox/", "/jobs/", "/inbox/preferences/"])
async def test_it_appears_in_the_header_of_ones_own_open_pages(bo, async_client, path):
    async with LivePage(bo, path) as page:
        await async_client.aforce_login(bo)
        await async_client.post(UPLOAD, {"picture": SimpleUploadedFile("me.png", picture())})
        await sync_to_async(carry_out)(bo)
        await page.until(lambda: bo.avatar_url in source(page.document.find("#own-face")))
        fresh = await LivePage(bo, path, client=page.client).load()
        assert source(page.document.find("#own-face")) == source(fresh.document.find("#own-face"))


def test_the_newest_rows_of_every_inbox_change_and_no_number_does(bo, chi, dana, monkeypatch):
    monkeypatch.setattr(faces, "INBOXES", 1)
    monkeypatch.setattr(faces, "NEWEST", 2)
    for user in (chi, dana):
        for n in range(3):
            notify(user, title=f"Said {n}", actor=bo, key=f"said-{n}")
        notify(user, title="Not by Bo", key="other")
    before = {inbox.user_id: inbox for inbox in Inbox.objects.all()}
    assert (faces.inboxes_with(bo), list(renew_face(bo))) == (2, [1, 1])
    for user in (chi, dana):
        inbox = Inbox.objects.get(user=user)
        old = before[user.pk]
        assert inbox.revision == old.revision + 1
        assert (inbox.unread_count, inbox.counts) == (old.unread_count, old.counts)
        changed = inbox.notifications.changed_since(old.revision)
        assert sorted(changed.values_list("key", flat=True)) == ["said-1", "said-2"]
        assert set(changed.values_list("revision", flat=True)) == {inbox.revision}


def test_what_was_withdrawn_stays_untouched(bo, chi):
    row = notify(chi, title="Said", actor=bo)
    Notification.objects.filter(pk=row.pk).update(retracted_at="2026-01-01T00:00Z")
    assert list(renew_face(bo)) == []


def test_a_cancelled_job_keeps_the_picture_that_is_worn_already(as_bo, bo, chi, monkeypatch):
    notify(chi, title="Hello", actor=bo)

    def cancel(job):
        cancel_job(job.row)
        job.reporter.verdict = "cancelled"
        job.checkpoint()

    monkeypatch.setattr(avatars, "show", cancel)
    upload(as_bo, picture())
    bo, job = carry_out(bo)
    assert (job.state, bool(bo.avatar), len(files())) == ("cancelled", True, 3)


def test_users_of_another_kind_have_no_faces(bo, chi, monkeypatch, client):
    notify(chi, title="Hello", actor=bo)
    model = get_user_model()
    monkeypatch.delattr(model, "avatar_url")
    monkeypatch.delattr(model, "avatar_fields")
    client.force_login(chi)
    assert "Hello" in client.get("/inbox/").content.decode()
