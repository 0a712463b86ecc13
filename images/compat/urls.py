"""Addresses as other services have them: without a slash at the end, or with one."""

from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt

from images.compat import rembg, simple
from images.compat.removebg import improve
from images.compat.removebg import views as removebg

app_name = "compat"
urlpatterns = [
    re_path(
        r"^v1\.0/removebg/?$", csrf_exempt(removebg.RemoveBackground.as_view()), name="removebg"
    ),
    re_path(r"^v1\.0/improve/?$", csrf_exempt(improve.Improve.as_view()), name="removebg_improve"),
    re_path(r"^v1\.0/account/?$", removebg.Account.as_view(), name="removebg_account"),
    re_path(r"^api/remove/?$", csrf_exempt(rembg.RembgRemove.as_view()), name="rembg"),
    re_path(r"^remove-bg/?$", csrf_exempt(simple.SimpleRemoveBackground.as_view()), name="simple"),
]
