from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from . import (  # noqa: F401 - registered by being imported
    cutouts,
    libraries,
    links,
    people,
    pictures,
    queue,
    webhooks,
)

admin.site.site_title = _("Clearcut administration")
admin.site.index_title = _("Overview")
