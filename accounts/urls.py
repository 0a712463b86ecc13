from django.urls import include, path

from accounts.web import departure, first_run, guides, invitations, pages, sessions, tokens

app_name = "accounts"

account = [
    path("delete/", departure.leave, name="leave"),
    path("invitations/", invitations.invitations, name="invitations"),
    path(
        "invitations/<uuid:invitation_id>/revoke/",
        invitations.revoke_invitation,
        name="revoke_invitation",
    ),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<uuid:token_id>/revoke/", tokens.revoke_token, name="revoke_token"),
    path("sessions/<int:session_id>/end/", sessions.end_session, name="end_session"),
]

urlpatterns = [
    path("first-run/", first_run.first_run, name="first_run"),
    path("invitation/<str:token>/", invitations.invitation, name="invitation"),
    path("terms/", pages.terms, name="terms"),
    path("privacy/", pages.privacy, name="privacy"),
    *(
        path(f"help/{file}/", guides.guide, {"name": file}, name)
        for name, file in guides.GUIDES.items()
    ),
    path("account/", include(account)),
]
