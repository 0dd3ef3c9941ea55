"""How images are normalised for VGG, and the scale of its activations. This module imports no torch."""

from __future__ import annotations

# From https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.vgg19.html, for RGB in [0, 1].
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# Means of RGB in 0 to 255 that Caffe's VGG subtracts: https://gist.github.com/ksimonyan/3785162f95cd2d5fee77
CAFFE_MEAN = (123.68, 116.779, 103.939)

CAFFE_ACTIVATION_SCALE = 255 * (IMAGENET_STD[0] + IMAGENET_STD[1] + IMAGENET_STD[2]) / 3
"""Activations of Caffe's VGG divided by those that the losses' weights and the presets of `stylize` assume.

Caffe's VGG takes values from 0 to 255 minus their mean. Ours takes them divided by 255 and by ImageNet's standard
deviation, 0.226 on average, so its inputs are 57.6 times smaller. Convolutions, ReLUs and pooling scale with their
input, except for biases.
"""
