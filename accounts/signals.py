"""What has to happen whoever changes a row."""

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import SiteSettings
from accounts.services.site import forget_pages


@receiver([post_save, post_delete], sender=SiteSettings)
def links_in_footers_change(**kwargs: Any) -> None:
    forget_pages()
