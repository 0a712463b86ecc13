"""Fills the counters of usage from the rows that are there."""

from django.db import migrations
from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth


def count_usage(apps, schema_editor):
    Image, Cutout, Usage, MonthlyUsage = (
        apps.get_model("images", name) for name in ("Image", "Cutout", "Usage", "MonthlyUsage")
    )
    kept = Image.objects.order_by().values("owner").annotate(images=Count("pk"), total=Sum("byte_size"))
    Usage.objects.bulk_create(
        [Usage(owner_id=row["owner"], images=row["images"], bytes=row["total"]) for row in kept],
        ignore_conflicts=True,
        batch_size=500,
    )
    counted = (
        Cutout.objects.exclude(status="failed")
        .order_by()
        .annotate(month=TruncMonth("queued_at"))
        .values("owner", "month")
        .annotate(cutouts=Count("pk"))
    )
    MonthlyUsage.objects.bulk_create(
        [
            MonthlyUsage(
                owner_id=row["owner"], month=row["month"].date(), cutouts=row["cutouts"]
            )
            for row in counted
        ],
        ignore_conflicts=True,
        batch_size=500,
    )


class Migration(migrations.Migration):
    dependencies = [("images", "0002_front_door")]

    operations = [migrations.RunPython(count_usage, migrations.RunPython.noop)]
