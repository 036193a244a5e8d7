"""Accounts' addresses, in the order in which a user meets them."""

from django.contrib.auth import views as auth
from django.urls import path, re_path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts import views
from accounts.demo import demo_users

app_name = "accounts"

urlpatterns = [
    path("signup/", views.signup, name="signup"),
    path(
        "login/",
        views.SignIn.as_view(
            template_name="accounts/login.html",
            redirect_authenticated_user=True,
            extra_context={"page_title": _("Sign in"), "demo_users": demo_users},
        ),
        name="login",
    ),
    path("logout/", require_POST(auth.LogoutView.as_view()), name="logout"),
    path("profile/", views.profile, name="profile"),
    path("profile/picture/", views.upload_avatar, name="upload_avatar"),
    path("profile/picture/remove/", views.remove_avatar, name="remove_avatar"),
    re_path(r"^avatars/(?P<token>[0-9a-f]{32})-(?P<size>32|64|256)\.webp$", views.avatar, name="avatar"),
    path(
        "password/",
        views.PasswordChange.as_view(
            template_name="accounts/password_change.html",
            success_url=reverse_lazy("accounts:profile"),
            extra_context={"page_title": _("Change password")},
        ),
        name="password_change",
    ),
    path(
        "password/reset/",
        views.PasswordReset.as_view(
            template_name="accounts/password_reset.html",
            email_template_name="accounts/password_reset_email.txt",
            subject_template_name="accounts/password_reset_subject.txt",
            success_url=reverse_lazy("accounts:password_reset_done"),
            extra_context={"page_title": _("Reset password")},
        ),
        name="password_reset",
    ),
    path(
        "password/reset/sent/",
        require_safe(
            auth.PasswordResetDoneView.as_view(
                template_name="accounts/password_reset_done.html",
                extra_context={"page_title": _("Check your mail")},
            )
        ),
        name="password_reset_done",
    ),
    path(
        "password/reset/<uidb64>/<token>/",
        views.PasswordResetConfirm.as_view(
            template_name="accounts/password_reset_confirm.html",
            success_url=reverse_lazy("accounts:password_reset_complete"),
            extra_context={"page_title": _("New password")},
        ),
        name="password_reset_confirm",
    ),
    path(
        "password/reset/done/",
        require_safe(
            auth.PasswordResetCompleteView.as_view(
                template_name="accounts/password_reset_complete.html",
                extra_context={"page_title": _("Password changed")},
            )
        ),
        name="password_reset_complete",
    ),
]
