"""Pages and files. `home` stands outside the namespace: libraries refer to it by that name."""

from django.urls import include, path

from images.web import (
    account,
    cards,
    feedback,
    files,
    gallery,
    home,
    links,
    picture,
    shared,
    takeout,
    trash,
    webhooks,
    workspace,
)

pages = [
    path("workspace/", workspace.workspace, name="workspace"),
    path("images/", gallery.gallery, name="gallery"),
    path("images/cards/", cards.cards, name="cards"),
    path("images/delete/", gallery.delete_many, name="delete_many"),
    path("images/restore/", trash.restore_many, name="restore_many"),
    path("images/<uuid:image_id>/", picture.picture, name="image"),
    path("images/<uuid:image_id>/rerun/", picture.rerun, name="rerun"),
    path("images/<uuid:image_id>/rename/", picture.rename, name="rename"),
    path("images/<uuid:image_id>/delete/", gallery.delete, name="delete"),
    path("images/<uuid:image_id>/restore/", trash.restore, name="restore"),
    path("images/<uuid:image_id>/purge/", trash.purge, name="purge"),
    path("images/<uuid:image_id>/original/", files.original, name="original"),
    path("images/<uuid:image_id>/preview/", files.preview, name="preview"),
    path("cutouts/<uuid:cutout_id>/matte/", files.matte, name="matte"),
    path("cutouts/<uuid:cutout_id>/rendition/", files.rendition, name="rendition"),
    path("cutouts/<uuid:cutout_id>/feedback/", feedback.feedback, name="feedback"),
    path("cutouts/<uuid:cutout_id>/link/", links.make_link, name="make_link"),
    path("links/<uuid:link_id>/end/", links.end_link, name="end_link"),
    path("s/<str:secret>.<str:extension>", shared.shared, name="shared"),
    path("trash/", trash.trash, name="trash"),
    path("trash/empty/", trash.empty, name="empty_trash"),
    path("account/", account.account, name="account"),
    path("account/export/", takeout.takeout, name="takeout"),
    path("account/webhooks/", webhooks.webhooks, name="webhooks"),
    path("account/webhooks/<uuid:webhook_id>/", webhooks.webhook, name="webhook"),
    path("account/webhooks/<uuid:webhook_id>/switch/", webhooks.switch, name="webhook_switch"),
    path("account/webhooks/<uuid:webhook_id>/secret/", webhooks.new_secret, name="webhook_secret"),
    path("account/webhooks/<uuid:webhook_id>/test/", webhooks.send_a_test, name="webhook_test"),
    path("account/webhooks/<uuid:webhook_id>/delete/", webhooks.delete, name="webhook_delete"),
    path("account/messages/<uuid:delivery_id>/resend/", webhooks.send_again, name="resend"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("", include((pages, "web"))),
]
