"""A web page of its own that stylizes photos in the browser, with ONNX Runtime Web."""
