"""Run filter files on photos; needs numpy, Pillow and ONNX Runtime only."""
