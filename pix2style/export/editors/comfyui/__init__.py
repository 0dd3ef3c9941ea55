"""The folder of a ComfyUI node; `node.py` is copied, and is not imported by pix2style."""
