"""Width and height together used to mean "fit inside" and are now the exact canvas: outputs stored
under both would be found for what they are not. They are a cache and will be made again.
"""

from django.db import migrations


def forget(apps, schema_editor):
    renditions = apps.get_model("images", "Rendition").objects
    renditions.filter(spec__contains="&width=").filter(spec__contains="&height=").delete()


class Migration(migrations.Migration):
    dependencies = [("images", "0004_indexes_of_lists")]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
