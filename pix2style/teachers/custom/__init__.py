"""Use any Python function or program as a teacher, if it turns an image into an image of the same size.

    load_custom("artist.py:paint")                                    # a function: uint8 [H, W, 3] in and out
    load_custom("python3 paint.py --in {input} --out {output}")       # a program: reads a PNG, writes an image

Such a text is a program that will be run: take it only from people you trust, like a script. No shell runs it.
"""

from pix2style.teachers.custom.load import CustomTeacherSpec, is_command, load_custom

__all__ = ["CustomTeacherSpec", "is_command", "load_custom"]
