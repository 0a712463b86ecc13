from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ImagesConfig(AppConfig):
    name = "images"
    verbose_name = _("Pictures")

    def ready(self) -> None:
        from images import checks, endings, signals  # noqa: F401 - registered by being imported
