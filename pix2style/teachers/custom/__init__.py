"""A teacher of one's own: any Python function or any program that turns a picture into a picture of the same size.

    load_custom("artist.py:paint")                                    # a function: uint8 [H, W, 3] in and out
    load_custom("python3 paint.py --in {input} --out {output}")       # a program: PNG in, a picture out

Such a text is a program to be run: take it from people you trust, as you would a script. It is never run by a shell.
"""

from pix2style.teachers.custom.load import CustomTeacherSpec, is_command, load_custom

__all__ = ["CustomTeacherSpec", "is_command", "load_custom"]
