"""The queue's own tables. The rows that wait and fail are cutouts, and those are shown."""

from django.contrib import admin
from django_q import admin as _django_q  # noqa: F401 - registers what is taken out below
from django_q.models import Failure, OrmQ, Schedule, Success

for model in (Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(model):  # the queue's table only where it is in the database
        admin.site.unregister(model)
