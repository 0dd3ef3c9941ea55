"""Running filter files: numpy, Pillow and ONNX Runtime only."""
