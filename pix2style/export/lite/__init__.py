"""The ONNX graph of the lightweight generator, in float32 and in 8 bits."""
