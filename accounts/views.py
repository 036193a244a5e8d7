"""Signing up and in, the profile and its picture. Signing out and passwords are Django's own views, in urls.py; those
where somebody could guess have a limit here."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import (
    LoginView,
    PasswordChangeView,
    PasswordResetConfirmView,
    PasswordResetView,
    redirect_to_login,
)
from django.contrib.messages.views import SuccessMessageMixin
from django.db import transaction
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import avatars, limits, tasks
from accounts.forms import AvatarForm, ProfileForm, SignUpForm
from accounts.models import User


def form_page(view: Any) -> Any:
    """Never kept by a cache: the back button must not show what somebody who has signed out had written."""
    return require_http_methods(["GET", "HEAD", "POST"])(never_cache(view))


@transaction.non_atomic_requests
@form_page
def signup(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    if request.method == "POST":
        name = request.POST.get("username", "")
        if wait := limits.take(limits.signing_up(request, name)):
            form = SignUpForm(initial={"username": name})
            return limits.refuse(show_sign_up(request, form, refusal=limits.refusal(wait)), wait)
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        login(request, user)
        response = redirect(settings.LOGIN_REDIRECT_URL)
        limits.remember_browser(request, response, user.get_username())
        return response
    return show_sign_up(request, form)


def show_sign_up(request: HttpRequest, form: SignUpForm, **more: str) -> HttpResponse:
    return render(request, "accounts/signup.html", {"form": form, "page_title": _("Sign up"), **more})


class Limited:
    """A view with a form of which only so many may be sent."""

    kept: tuple[str, ...] = ()  # fields that stand in the form again for whoever has to wait
    charges: list[limits.Charge]

    def what_it_costs(self) -> list[limits.Charge]:
        raise NotImplementedError

    @method_decorator([transaction.non_atomic_requests, never_cache])
    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(*args, **kwargs)  # type: ignore[misc]

    def post(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.charges = self.what_it_costs()
        if wait := limits.take(self.charges):
            return limits.refuse(self.show_again(limits.refusal(wait)), wait)
        return super().post(request, *args, **kwargs)  # type: ignore[misc]

    def show_again(self: Any, refusal: str) -> HttpResponse:
        """The form as if it had not been sent: whether what stands in it is right, is not said."""
        initial = {name: self.request.POST.get(name, "") for name in self.kept}
        form = self.get_form_class()(**{**self.get_form_kwargs(), "data": None, "files": None, "initial": initial})
        return self.render_to_response(self.get_context_data(form=form, refusal=refusal))


class SignIn(Limited, LoginView):
    kept = ("username",)

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        """Where to after that; not to this page again, which Django takes for an error of ours."""
        url: str = super().get_redirect_url()
        return "" if url == self.request.path else url

    def what_it_costs(self) -> list[limits.Charge]:
        return limits.signing_in(self.request, self.request.POST.get("username", ""))

    def form_valid(self, form: Any) -> HttpResponse:
        limits.give_back(self.charges)
        response = super().form_valid(form)
        limits.remember_browser(self.request, response, form.get_user().get_username())
        return response


class PasswordReset(Limited, PasswordResetView):
    kept = ("email",)

    def what_it_costs(self) -> list[limits.Charge]:
        return limits.having_a_password_sent(self.request, self.request.POST.get("email", ""))


class PasswordResetConfirm(PasswordResetConfirmView):
    def form_valid(self, form: Any) -> HttpResponse:
        """Whoever reads the account's mail is its owner, also while others hammer on its name."""
        response = super().form_valid(form)
        limits.remember_browser(self.request, response, form.user.get_username())
        return response


@require_safe
def staff_door(request: HttpRequest) -> HttpResponse:
    """The administration's own sign-in has no limit, so everybody comes in by the site's. For those who are in, and
    still stand here, there is no administration."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise Http404("There is no such page for this reader.")
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


@form_page
@login_required
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
@require_POST
@never_cache
@login_required
def upload_avatar(request: Any) -> HttpResponse:
    form = AvatarForm(request.POST, request.FILES)
    if not form.is_valid():
        return show_profile(request, 422, avatar_form=form)
    return redirect(avatars.change(request.user, form.cleaned_data["picture"], tasks.make_avatar))


@transaction.non_atomic_requests
@require_POST
@login_required
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


class PasswordChange(Limited, SuccessMessageMixin, PasswordChangeView):
    success_message = gettext_lazy("Your password is changed. Your other devices are signed out.")

    def what_it_costs(self) -> list[limits.Charge]:
        return limits.changing_password(self.request)

    def form_valid(self, form: Any) -> HttpResponse:
        limits.give_back(self.charges)
        return super().form_valid(form)
