"""Networks that see: the encoders of `arena_vision.catalogue`, and convolution written out once.

Importing this package costs nothing: `arena list` reads `arena_vision.plugin` without torch.
"""
