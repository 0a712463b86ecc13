"""/api/v1/: where the API's parts come together."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from accounts.api.views import TokenViewSet
from images.api.about import Account, EngineList
from images.api.backdrops import BackdropViewSet
from images.api.batches import BatchViewSet
from images.api.cutouts import CutoutViewSet
from images.api.guided import Refine
from images.api.images import ImageViewSet
from images.api.links import LinkViewSet
from images.api.presets import PresetViewSet
from images.api.tags import TagViewSet
from images.api.webhooks import DeliveryViewSet, WebhookDeliveryList, WebhookViewSet

router = SimpleRouter()
router.register("images", ImageViewSet, basename="image")
router.register("cutouts", CutoutViewSet, basename="cutout")
router.register("backdrops", BackdropViewSet, basename="backdrop")
router.register("batches", BatchViewSet, basename="batch")
router.register("tags", TagViewSet, basename="tag")
router.register("links", LinkViewSet, basename="link")
router.register("presets", PresetViewSet, basename="preset")
router.register("webhooks", WebhookViewSet, basename="webhook")
router.register("deliveries", DeliveryViewSet, basename="delivery")
router.register("tokens", TokenViewSet, basename="token")

app_name = "api"
urlpatterns = [
    *router.urls,
    path(
        "webhooks/<uuid:webhook_id>/deliveries/",
        WebhookDeliveryList.as_view(),
        name="webhook-deliveries",
    ),
    path("cutouts/<uuid:pk>/refine/", Refine.as_view(), name="cutout-refine"),
    path("engines/", EngineList.as_view(), name="engines"),
    path("account/", Account.as_view(), name="account"),
]
