"""A person's webhooks: where messages go, what they said, and what came of them."""

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from allauth.account.internal.flows.reauthentication import (
    is_reauthentication_required,
    suspend_request,
)
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from images.models import WebhookDelivery, WebhookEndpoint
from images.services.errors import ServiceError
from images.services.webhook_events import SUBSCRIBABLE, send_test
from images.services.webhooks import (
    delete_endpoint,
    make_endpoint,
    resend,
    rotate_secret,
    switch_off,
    switch_on,
    update_endpoint,
)
from images.web.refusals import refuse

if TYPE_CHECKING:
    from accounts.models import User

MESSAGES_SHOWN = 50


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=2000,
        widget=forms.URLInput(
            attrs={"placeholder": "https://shop.example/hooks/clearcut", "autocomplete": "off"}
        ),
        help_text=gettext_lazy("Of a program of yours that takes messages. A public address."),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("For yourself."),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Tell it when"),
        choices=[(event.value, event.label) for event in SUBSCRIBABLE],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None of them means all of them, also those that come later."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.IMPORT_NETWORKS:
            self.fields["url"].help_text = _(
                "Of a program of yours that takes messages. A public address, or one of the "
                "networks that this server's administrator has allowed."
            )


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhooks(request: HttpRequest) -> HttpResponse:
    """List them; a POST makes one and shows its secret in the answer, once."""
    form = WebhookForm(request.POST or None)
    made = secret = None
    if request.method == "POST" and form.is_valid():
        if asked := _ask_who_it_is(request):
            return asked
        try:
            made, secret = make_endpoint(
                owner=cast("User", request.user),
                site=request.build_absolute_uri("/").rstrip("/"),
                **form.cleaned_data,
            )
            form = WebhookForm()
        except ServiceError as refusal:
            form.add_error("url", refusal.message)
    context = {
        "webhooks": _own(request),
        "form": form,
        "made": made,
        "secret": secret,
        "sending": settings.WEBHOOKS,
    }
    return render(request, "web/webhooks.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """One of them with its messages; a POST changes it."""
    endpoint = _own_webhook(request, webhook_id)
    initial = {name: getattr(endpoint, name) for name in WebhookForm.base_fields}
    form = WebhookForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        if "url" in form.changed_data and (asked := _ask_who_it_is(request)):
            return asked
        try:
            update_endpoint(endpoint=endpoint, **form.cleaned_data)
            messages.success(request, _("Saved."))
            return redirect("web:webhook", endpoint.pk)
        except ServiceError as refusal:
            form.add_error("url", refusal.message)
    return _show(request, endpoint, form=form)


@login_required
@never_cache
@require_http_methods(["POST"])
def new_secret(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """Shown in the answer, once."""
    endpoint = _own_webhook(request, webhook_id)
    if asked := _ask_who_it_is(request):
        return asked
    try:
        secret = rotate_secret(endpoint=endpoint)
    except ServiceError as refusal:
        return refuse(request, refusal, to=reverse("web:webhooks"))
    return _show(request, endpoint, secret=secret)


@login_required
@require_POST
def switch(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    endpoint = _own_webhook(request, webhook_id)
    if request.POST.get("to") == "on":
        try:
            switch_on(endpoint=endpoint)
        except ServiceError as refusal:
            return refuse(request, refusal, to=reverse("web:webhooks"))
        messages.success(request, _("Switched on."))
    else:
        switch_off(endpoint=endpoint)
        messages.success(request, _("Switched off: it is told nothing more."))
    return redirect("web:webhook", endpoint.pk)


@login_required
@require_POST
def send_a_test(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    endpoint = _own_webhook(request, webhook_id)
    here = reverse("web:webhook", args=[endpoint.pk])
    try:
        send_test(endpoint=endpoint)
    except ServiceError as refusal:
        return refuse(request, refusal, to=here)
    messages.success(request, _("A test is on its way. Look again in a moment."))
    return redirect(here)


@login_required
@require_POST
def delete(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    delete_endpoint(endpoint=_own_webhook(request, webhook_id))
    messages.success(request, _("The webhook is deleted, with its messages."))
    return redirect("web:webhooks")


@login_required
@require_POST
def send_again(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    own = WebhookDelivery.objects.visible_to(request.user).select_related("endpoint")
    delivery = get_object_or_404(own, pk=delivery_id)
    here = reverse("web:webhook", args=[delivery.endpoint_id])
    try:
        resend(delivery=delivery)
    except ServiceError as refusal:
        return refuse(request, refusal, to=here)
    messages.success(request, _("The message is being sent again. Look again in a moment."))
    return redirect(here)


def _own(request: HttpRequest) -> list[WebhookEndpoint]:
    return list(WebhookEndpoint.objects.visible_to(request.user))


def _own_webhook(request: HttpRequest, webhook_id: UUID) -> WebhookEndpoint:
    return get_object_or_404(WebhookEndpoint.objects.visible_to(request.user), pk=webhook_id)


def _ask_who_it_is(request: HttpRequest) -> HttpResponse | None:
    """A webhook lives longer than a session that somebody else has got hold of."""
    if not is_reauthentication_required(request, app=""):
        return None
    return suspend_request(request, reverse("account_reauthenticate"))


def _show(request: HttpRequest, endpoint: WebhookEndpoint, **context: Any) -> HttpResponse:
    newest = endpoint.deliveries.defer("payload")[:MESSAGES_SHOWN]
    initial = {name: getattr(endpoint, name) for name in WebhookForm.base_fields}
    usual = {"form": WebhookForm(initial=initial), "webhook": endpoint, "deliveries": newest}
    return render(request, "web/webhook.html", usual | {"shown": MESSAGES_SHOWN} | context)
