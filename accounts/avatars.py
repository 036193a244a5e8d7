"""Pictures of people: what may be one, its sizes, and the way onto every page that shows its owner's face.

An upload is a stranger's file. It is opened by the decoders of four formats only, and its header must say that it is
small enough before any of it is decoded: a few kilobytes can claim to be gigabytes of pixels. What is kept is drawn
anew, so nothing of the file itself, such as the place where it was taken, reaches anybody.
"""

import io
import secrets
from hashlib import blake2s
from typing import IO, Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_noop as _
from PIL import Image, ImageOps

from accounts.models import User
from notifications.jobs import JobCancelled, JobFailed, Result, RunningJob, cancel_job, start_job
from notifications.models import Job
from notifications.models.faces import inboxes_with, renew_face

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SIZES = (32, 64, 256)  # pixels, as high as wide
BYTES_LIMIT = 5 * 1024 * 1024
PIXELS_LIMIT = 25_000_000
SCANS_LIMIT = 500  # of a JPEG; cameras make one, programs ten
START_OF_SCAN = b"\xff\xda"
QUALITY = 82
KEY_START = "avatar-"

READING, CUTTING, SHOWING = _("Reading the picture"), _("Cutting it to size"), _("Showing it everywhere")
NO_PICTURE = _("This is no picture that we can read. Choose a PNG, JPEG, WebP or GIF file.")
SEE_PROFILE = _("See your profile")
TOO_MANY_PIXELS = _("This picture has too many pixels. Choose one with at most {limit} million, such as 5,000 × 5,000.")
TOO_LARGE = _("This file has {size} MB. Choose one with at most {limit} MB.")
EMPTY = _("This file is empty. Choose a PNG, JPEG, WebP or GIF file.")


class BadPicture(JobFailed):
    """It cannot be somebody's picture. The text says what was expected."""


def check(file: Any) -> None:
    """Raise BadPicture unless this upload may be one. Nothing of it is decoded."""
    if not file.size:
        raise BadPicture(EMPTY)
    if file.size > BYTES_LIMIT:
        raise BadPicture(TOO_LARGE, size=f"{file.size / 1024**2:.1f}", limit=BYTES_LIMIT // 1024**2)
    with opened(file) as image:
        try:
            image.verify()
        except Exception:  # decoders raise whatever they like for what is damaged
            raise BadPicture(NO_PICTURE) from None
    file.seek(0)


def opened(file: IO[bytes]) -> Image.Image:
    """The picture, of which only the header was read. Raises BadPicture."""
    file.seek(0)
    too_many = BadPicture(TOO_MANY_PIXELS, limit=PIXELS_LIMIT // 1_000_000)
    try:
        image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        raise too_many from None
    except Exception:
        raise BadPicture(NO_PICTURE) from None
    if image.width * image.height > PIXELS_LIMIT:
        raise too_many
    if image.format == "JPEG" and scans_of(file) > SCANS_LIMIT:
        raise BadPicture(NO_PICTURE)
    return image


def scans_of(file: IO[bytes]) -> int:
    """How often a JPEG is drawn over at most: a few bytes can ask for all of its pixels once more."""
    position = file.tell()
    file.seek(0)
    count = file.read().count(START_OF_SCAN)
    file.seek(position)
    return count


def square_of(file: IO[bytes]) -> Image.Image:
    """The middle of the picture, upright, and as large as the largest size. Raises BadPicture."""
    with opened(file) as image:
        try:
            image.draft("RGB", (SIZES[-1], SIZES[-1]))  # a JPEG is decoded at a fraction of its size
            image.load()
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):  # 16 bits of grey
                upright = upright.point(lambda value: value / 256).convert("L")
            upright = upright.convert("RGBA")
        except Exception:
            raise BadPicture(NO_PICTURE) from None
    square = ImageOps.fit(upright, (SIZES[-1], SIZES[-1]))
    plain = Image.new("RGB", square.size, "white")
    plain.paste(square, mask=square.getchannel("A"))
    return plain


# What people want.


def change(user: User, file: Any, task: Any) -> Job:
    """Have this upload made into their picture, by a task. What is under way for another one is given up."""
    key = key_of(file)
    give_up(user, but=key)
    return start_job(task, owner=user, upload=file, key=key)


def remove(user: User, task: Any) -> None:
    """Gone at once; the task takes it off the pages."""
    give_up(user)
    if wear(user, ""):
        start_job(task, owner=user)


def key_of(file: Any) -> str:
    """The same for the same picture."""
    file.seek(0)
    content = blake2s(file.read(), digest_size=16).hexdigest()
    file.seek(0)
    return f"{KEY_START}{content}"


def give_up(user: User, but: str = "") -> None:
    for job in Job.objects.active().filter(inbox__user=user, key__startswith=KEY_START).exclude(key=but):
        cancel_job(job)


# The job.


def make(job: RunningJob) -> Result:
    job.plan(READING, CUTTING, SHOWING)
    job.phase(READING)
    with job.open_upload() as file:
        square = square_of(file)
    job.phase(CUTTING)
    token = secrets.token_hex(16)
    try:
        for size in job.track(SIZES):
            default_storage.save(path_of(token, size), ContentFile(drawn(square, size)))
        wear(job.owner, token, job)
    except BaseException:
        remove_files(token)
        raise
    job.phase(SHOWING)
    show(job)
    return Result(url=reverse("accounts:profile"), label=SEE_PROFILE)


def drawn(square: Image.Image, size: int) -> bytes:
    content = io.BytesIO()
    square.resize((size, size), Image.Resampling.LANCZOS).save(content, "WEBP", quality=QUALITY, method=6)
    return content.getvalue()


def wear(user: User, token: str, job: RunningJob | None = None) -> bool:
    """Let this be their picture, unless its job was given up for a later wish. False when nothing was changed.

    A later wish first cancels the job and takes the lock then: whichever of the two comes first here, the later wish
    is what stays.
    """
    with transaction.atomic():
        before = User.objects.select_for_update(no_key=True).values_list("avatar", flat=True).get(pk=user.pk)
        if job is not None and job.row.look() != "running":
            raise JobCancelled
        User.objects.filter(pk=user.pk).update(avatar=token)
    remove_files(before)
    return before != token


def show(job: RunningJob) -> None:
    """On the pages of all who have something of this user's in their inbox."""
    with job.part(inboxes_with(job.owner)):
        for count in renew_face(job.owner):
            job.advance(count)
            job.checkpoint()


# The files.


def path_of(token: str, size: int) -> str:
    return f"avatars/{token}-{size}.webp"


def read_file(token: str, size: int) -> bytes | None:
    try:
        with default_storage.open(path_of(token, size)) as file:
            return file.read()
    except FileNotFoundError:
        return None


def remove_files(token: str) -> None:
    for size in SIZES if token else ():
        default_storage.delete(path_of(token, size))
