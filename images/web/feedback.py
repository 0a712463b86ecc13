"""Thumbs up or down on the page of a picture. Works as plain forms."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from images.models import Cutout
from images.services.errors import ServiceError
from images.services.feedback import MAX_REASON_LENGTH, give_feedback, take_back_feedback
from images.web.access import answer, wants_json
from images.web.refusals import refuse, tell_refusal

NONE = "none"


class FeedbackForm(forms.Form):
    rating = forms.ChoiceField(choices=[*Cutout.Rating.choices, (NONE, NONE)])
    reason = forms.CharField(max_length=MAX_REASON_LENGTH, required=False)


@login_required
@require_POST
def feedback(request: HttpRequest, cutout_id: UUID) -> HttpResponse:
    """`rating` up or down, with a `reason` if there is one; "none" takes the verdict back."""
    cutout = get_object_or_404(Cutout.objects.visible_to(request.user), pk=cutout_id)
    page = f"{reverse('web:image', args=[cutout.image_id])}?version={cutout.pk}#feedback"
    form = FeedbackForm(request.POST)
    if not form.is_valid():
        told = _("A verdict is up, down or none, with a reason of at most 500 characters.")
        return tell_refusal(request, code="invalid", message=told, status=400, to=page)
    try:
        _judge(cutout, **form.cleaned_data)
    except ServiceError as error:
        return refuse(request, error, to=page)
    _thank(request, **form.cleaned_data)
    return answer(request, form.cleaned_data, to=page)


def _thank(request: HttpRequest, *, rating: str, reason: str) -> None:
    """On the next page; a script says it itself."""
    if wants_json(request):
        return
    if rating == NONE:
        messages.success(request, _("Your verdict is taken back."))
    elif reason.strip():
        messages.success(request, _("Thank you: your words are noted."))
    elif rating == Cutout.Rating.DOWN:
        messages.success(request, _("Noted as bad. You can say below what is wrong."))
    else:
        messages.success(request, _("Noted as good."))


def _judge(cutout: Cutout, *, rating: str, reason: str, **_rest: Any) -> None:
    if rating == NONE:
        take_back_feedback(cutout=cutout)
    else:
        give_feedback(cutout=cutout, rating=Cutout.Rating(rating), reason=reason)
