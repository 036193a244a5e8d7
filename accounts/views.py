"""Signing up, the profile and its picture. Signing in, out and passwords are Django's own views, in urls.py."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.db import transaction
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import avatars, tasks
from accounts.forms import AvatarForm, ProfileForm, SignUpForm
from accounts.models import User


@require_http_methods(["GET", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save())
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "accounts/signup.html", {"form": form, "page_title": _("Sign up")})


@login_required
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    # Not request.user itself: the header must not show a name that was refused.
    form = ProfileForm(request.POST or None, instance=User.objects.get(username=request.user.get_username()))
    if request.method == "POST" and form.is_valid():
        user = form.save()
        with override(user.language or None):
            messages.success(request, _("Your profile is saved."))
        return redirect("accounts:profile")
    return show_profile(request, form=form)


def show_profile(request: HttpRequest, status: int = 200, **forms: BaseForm) -> HttpResponse:
    context = {"form": ProfileForm(instance=request.user), "avatar_form": AvatarForm(), "page_title": _("Profile")}
    return render(request, "accounts/profile.html", {**context, **forms}, status=status)


@transaction.non_atomic_requests
@login_required
@require_POST
def upload_avatar(request: Any) -> HttpResponse:
    form = AvatarForm(request.POST, request.FILES)
    if not form.is_valid():
        return show_profile(request, 422, avatar_form=form)
    return redirect(avatars.change(request.user, form.cleaned_data["picture"], tasks.make_avatar))


@transaction.non_atomic_requests
@login_required
@require_POST
def remove_avatar(request: Any) -> HttpResponse:
    """Done twice, it is gone all the same."""
    avatars.remove(request.user, tasks.show_without_avatar)
    messages.success(request, _("Your picture is removed."))
    return redirect("accounts:profile")


@require_safe
def avatar(request: HttpRequest, token: str, size: str) -> HttpResponse:
    """One size of somebody's picture, for whoever is signed in. A new picture has another address."""
    content = avatars.read_file(token, int(size)) if request.user.is_authenticated else None
    if content is None:
        raise Http404("There is no such picture.")
    response = HttpResponse(content, content_type="image/webp")
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


class PasswordChange(SuccessMessageMixin, PasswordChangeView):
    success_message = gettext_lazy("Your password is changed. Your other devices are signed out.")
