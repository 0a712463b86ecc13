"""How good mattes are: measures against ground truth, over folders of pictures."""
