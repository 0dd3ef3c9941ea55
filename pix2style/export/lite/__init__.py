"""Export of the lightweight generator: a hand-written ONNX graph in float32 or 8 bits, and its quantisation."""
