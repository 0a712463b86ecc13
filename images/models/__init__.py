from .cutout import Cutout
from .image import Image
from .leased import Lane, LeasedRow, Status
from .rendition import Rendition
from .worker import WorkerProcess

__all__ = ["Cutout", "Image", "Lane", "LeasedRow", "Rendition", "Status", "WorkerProcess"]
