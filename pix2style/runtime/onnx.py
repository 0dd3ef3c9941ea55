"""The name that `pix2style.runtime.onnx_stylizer` had in version 0.1.0."""

from pix2style.runtime.onnx_stylizer import OnnxStylizer

__all__ = ["OnnxStylizer"]
