from .backdrop import Backdrop
from .batch import Batch
from .cutout import Cutout
from .daily import DailyTotal
from .idempotency import IdempotentRequest
from .image import Image
from .leased import Lane, LeasedRow, Status
from .preset import Preset
from .rendition import Rendition
from .share import ShareLink
from .tag import Tag
from .usage import MonthlyUsage, Usage
from .webhook import WebhookDelivery, WebhookEndpoint, WebhookEvent
from .worker import WorkerProcess

__all__ = [
    "Backdrop",
    "Batch",
    "Cutout",
    "DailyTotal",
    "IdempotentRequest",
    "Image",
    "Lane",
    "LeasedRow",
    "MonthlyUsage",
    "Preset",
    "Rendition",
    "ShareLink",
    "Status",
    "Tag",
    "Usage",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "WorkerProcess",
]
