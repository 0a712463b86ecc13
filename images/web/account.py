"""A person's own page: name, usage, and the way to everything else about the account."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from images.services.usage import limits_of, usage_of
from images.web.forms import ProfileForm


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        request.user.save(update_fields=form.Meta.fields)
        messages.success(request, _("Saved."))
        return redirect("web:account")
    context = {
        "form": form,
        "usage": usage_of(request.user),
        "limits": limits_of(request.user),
    }
    return render(request, "web/account.html", context)
