"""Finding what stands out without any learned weights: contrast, borders, and a graph cut.

1. The picture becomes some hundred superpixels (SLIC; Achanta et al. 2012).
2. What is connected to the border of the picture in ways of even colour is most likely background;
   what differs from that is most likely not ("Saliency optimization from robust background
   detection", Zhu et al., CVPR 2014). The least sum of squares settles both, with neighbours.
3. Colour models of the two sides and the smoothest border are found in turns, as GrabCut does
   (Rother et al. 2004), with a minimum cut through the graph of superpixels.

Nothing is random: the same picture gives the same matte.
"""

from .subject import Found, find_subject

__all__ = ["Found", "find_subject"]
