from .cutout import Cutout
from .image import Image
from .leased import Lane, LeasedRow, Status
from .rendition import Rendition

__all__ = ["Cutout", "Image", "Lane", "LeasedRow", "Rendition", "Status"]
