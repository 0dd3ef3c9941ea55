"""Stylize the photos of a folder or an object store on many machines: what `pipelines/infer-ray.py` does."""
