"""What pictures add to the accounts of the admin site: what people keep, and what they had done.

The accounts know nothing of pictures, so it is added from here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import F, IntegerField, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from images.models import MonthlyUsage, ShareLink, Usage
from images.services.quotas import month_of

if TYPE_CHECKING:
    from accounts.models import User


@admin.display(description=gettext_lazy("keeps"), ordering="bytes_kept")
def keeps(user: "User") -> SafeString:
    count = vars(user)["pictures_kept"]
    told = ngettext("%(count)d picture", "%(count)d pictures", count) % {"count": count}
    room = filesizeformat(vars(user)["bytes_kept"])
    return format_html('{}<span class="owner">{}</span>', told, room)


@admin.display(description=gettext_lazy("this month"), ordering="cutouts_this_month")
def cutouts_this_month(user: "User") -> int:
    return vars(user)["cutouts_this_month"]


def annotations() -> dict[str, Any]:
    """From the counters: one row of each per person."""
    month = MonthlyUsage.objects.filter(owner=OuterRef("pk"), month=month_of(timezone.now()))
    counted = Subquery(month.values("cutouts")[:1], output_field=IntegerField())
    return {
        "pictures_kept": Coalesce(F("usage__images"), 0),
        "bytes_kept": Coalesce(F("usage__bytes"), 0),
        "cutouts_this_month": Coalesce(counted, 0),
    }


def links(user: "User") -> list[tuple[str, str]]:
    names = {
        "image": _("pictures"),
        "cutout": _("cutouts"),
        "sharelink": _("public addresses"),
    }
    return [
        (f"{reverse(f'admin:images_{model}_changelist')}?owner={user.pk}", label)
        for model, label in names.items()
    ]


def losses(people: Sequence["User"]) -> dict[str, Any]:
    """What goes with these accounts, from the counters. Two queries."""
    kept = Usage.objects.filter(owner__in=people).aggregate(
        pictures=Sum("images"), room=Sum("bytes")
    )
    links = ShareLink.objects.filter(owner__in=people, revoked_at=None)
    return {
        _("pictures"): kept["pictures"] or 0,
        _("room of their originals"): filesizeformat(kept["room"] or 0),
        _("public addresses"): links.count(),
    }


def extend_accounts() -> None:
    accounts = cast("Any", admin.site.get_model_admin(get_user_model()))
    accounts.more_columns = [keeps, cutouts_this_month]
    accounts.more_annotations = annotations
    accounts.more_links = links
    accounts.more_losses = losses


extend_accounts()
