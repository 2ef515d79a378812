"""Image encoders: recognition and segmentation networks, and convolution in numpy.

Importing this package costs nothing: `arena list` reads `arena_vision.plugin` without torch.
"""
