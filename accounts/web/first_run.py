"""The page of an installation that has no administrator yet."""

from allauth.account.internal.flows.signup import complete_signup
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.rates import may_try
from accounts.services import first_run as service
from accounts.services.errors import AddressTaken, WrongCode
from accounts.web.forms import FirstRunForm

KEY = "first_run_code"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def first_run(request: HttpRequest) -> HttpResponse:
    """The link leaves its code in the session, so that no address shows it any longer."""
    if service.has_administrator():
        messages.info(request, _("This installation has its administrator already."))
        return redirect("web:workspace" if request.user.is_authenticated else "account_login")
    has_code = "code" in request.GET or request.method == "POST"
    if has_code and not may_try(request, "first_run"):
        return render(request, "429.html", status=429)
    if request.method == "POST":
        return _make(request)
    return _take_code(request) if "code" in request.GET else _ask(request)


def _take_code(request: HttpRequest) -> HttpResponse:
    code = request.GET["code"]
    if not service.is_first_run_code(code):
        return _ask(request, wrong_code=True, status=403)
    request.session[KEY] = code
    return redirect("accounts:first_run")


def _code_of(request: HttpRequest) -> str:
    """The one of the link, as long as it is the right one; else it has to be typed."""
    code: str = request.session.get(KEY, "")
    return code if code and service.is_first_run_code(code) else ""


def _ask(
    request: HttpRequest,
    form: FirstRunForm | None = None,
    *,
    wrong_code: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form or FirstRunForm(code=_code_of(request)),
        "wrong_code": wrong_code,
        "has_people": service.has_people(),
    }
    return render(request, "accounts/first_run.html", context, status=status)


def _make(request: HttpRequest) -> HttpResponse:
    code = _code_of(request)
    form = FirstRunForm(request.POST, code=code)
    if not form.is_valid():
        return _ask(request, form)
    data = form.cleaned_data
    try:
        user = service.create_first_administrator(
            code=code or data["code"].strip(),
            email=data["email"],
            password=data["password1"],
            signup=data.get("signup"),
        )
    except WrongCode as refusal:
        form.add_error("code" if "code" in form.fields else None, str(refusal))
    except AddressTaken as refusal:
        form.add_error("email", str(refusal))
    except ValidationError as error:
        form.add_error("password1", error)
    else:
        return _sign_in(request, user)
    return _ask(request, form)


def _sign_in(request: HttpRequest, user: User) -> HttpResponse:
    request.session.pop(KEY, None)
    messages.success(request, _("Welcome. You are the administrator of this installation."))
    return complete_signup(request, user=user)
