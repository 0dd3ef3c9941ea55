"""Find, read, write, resize and convert images. This is the only package that imports Pillow.

Outside torch an image is a uint8 array [height, width, 3] in RGB. Inside a network it is a float32 tensor
[batch, 3, height, width] in [-1, 1]. `to_signed` and `from_signed` are the only conversion between the two; converting
to floats and back gives the same bytes.
"""

from pix2style.images.colour import stylized_in, to_srgb
from pix2style.images.decode import (
    MAX_PIXELS,
    PillowImage,
    decode_picture,
    has_alpha,
    read_longer_side,
    read_picture,
    stream_has_alpha,
)
from pix2style.images.encode import (
    can_hold_alpha,
    can_write,
    encode_jpeg,
    encode_picture,
    encode_png,
    format_of,
    write_picture,
    write_png,
)
from pix2style.images.file_content import explain_memory_errors, open_file, read_file, read_image_file
from pix2style.images.find import ImageListing, ImageSearch, find_images, list_images, search_images
from pix2style.images.found import FoundImage, FoundImages
from pix2style.images.given import as_array, as_picture, as_pillow, is_pillow
from pix2style.images.kinds import IMAGE_SUFFIXES
from pix2style.images.left_out import LeftOut, LeftOutList, count_left_out, describe_left_out
from pix2style.images.metadata import PictureMetadata
from pix2style.images.metadata_choice import KeepMetadata
from pix2style.images.origin import origin_in, read_origin
from pix2style.images.picture import Image8, Picture, from_batch, from_signed, to_batch, to_signed
from pix2style.images.png import png_text
from pix2style.images.resample import (
    Box,
    center_in_square,
    crop_to_square,
    fit_within,
    resize,
    resize_part,
    resize_shorter_side,
    sheet,
    sheet_boxes,
    size_within,
)
from pix2style.images.sequence import Frame, PictureSequence, decode_images, open_images
from pix2style.images.store_metadata import lost_metadata_notes
from pix2style.images.tilt import tilt
from pix2style.images.write_sequence import check_can_hold, encode_sequence, write_sequence

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "Box",
    "FoundImage",
    "FoundImages",
    "Frame",
    "Image8",
    "ImageListing",
    "ImageSearch",
    "KeepMetadata",
    "LeftOut",
    "LeftOutList",
    "Picture",
    "PictureMetadata",
    "PictureSequence",
    "PillowImage",
    "as_array",
    "as_picture",
    "as_pillow",
    "can_hold_alpha",
    "can_write",
    "center_in_square",
    "check_can_hold",
    "count_left_out",
    "crop_to_square",
    "decode_images",
    "decode_picture",
    "describe_left_out",
    "encode_jpeg",
    "encode_picture",
    "encode_png",
    "encode_sequence",
    "explain_memory_errors",
    "find_images",
    "fit_within",
    "format_of",
    "from_batch",
    "from_signed",
    "has_alpha",
    "is_pillow",
    "list_images",
    "lost_metadata_notes",
    "open_file",
    "open_images",
    "origin_in",
    "png_text",
    "read_file",
    "read_image_file",
    "read_longer_side",
    "read_origin",
    "read_picture",
    "resize",
    "resize_part",
    "resize_shorter_side",
    "search_images",
    "sheet",
    "sheet_boxes",
    "size_within",
    "stream_has_alpha",
    "stylized_in",
    "tilt",
    "to_batch",
    "to_signed",
    "to_srgb",
    "write_picture",
    "write_png",
    "write_sequence",
]
