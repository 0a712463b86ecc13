from .cutout import Cutout
from .daily import DailyTotal
from .image import Image
from .leased import Lane, LeasedRow, Status
from .rendition import Rendition
from .share import ShareLink
from .usage import MonthlyUsage, Usage
from .worker import WorkerProcess

__all__ = [
    "Cutout",
    "DailyTotal",
    "Image",
    "Lane",
    "LeasedRow",
    "MonthlyUsage",
    "Rendition",
    "ShareLink",
    "Status",
    "Usage",
    "WorkerProcess",
]
