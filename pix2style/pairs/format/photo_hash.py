"""Derive keys, splits and styles of photos from the digests of their files.

All results depend on the photo alone, never on other photos, names, folders or the order of work. Photos can therefore
be added to a set without moving any photo to another split, and sets in several styles hold out the same photos.
"""

from __future__ import annotations

from collections.abc import Iterable

from pix2style.files import sha256_bytes
from pix2style.pairs.format.records import PlannedPhoto, Split, variant_suffix

KEY_DIGITS = 16
# Long enough that the keys of two variants never collide, nor that of a variant with that of a photo. A short key would
# have to depend on the other keys of the set, but the key of a variant must follow from its photo alone.
_VARIANT_KEY_DIGITS = 32


def assign_split(sha256: str, *, val_share: float, test_share: float, seed: int = 0) -> Split:
    """Return the split of a photo.

    The digest is hashed with the seed to a number that is uniform in [0, 1). Test photos are at its lower end, so a
    change of `val_share` leaves the test split as it is.

    Args:
        sha256: SHA-256 of the photo's file.
        val_share: Share of the photos for validation.
        test_share: Share of the photos for the test split.
        seed: Salt of the hash. Sets that shall hold out the same photos need the same seed.
    """
    number = int(sha256_bytes(f"{seed}:{sha256}".encode())[:KEY_DIGITS], 16) / 16**KEY_DIGITS
    if number < test_share:
        return "test"
    return "val" if number < test_share + val_share else "train"


def short_keys(digests: Iterable[str], digits: int = KEY_DIGITS) -> list[str]:
    """Return a unique key for each of several different digests: its first digits, or all digits if those are in use.

    Args:
        digests: Digests in hexadecimal.
        digits: Length of a key.
    """
    used: set[str] = set()
    keys = []
    for digest in digests:
        key = digest[:digits] if digest[:digits] not in used else digest
        used.add(key)
        keys.append(key)
    return keys


def variant_key(sha256: str, variant: int) -> str:
    """Return the key of a photo's variant, by the SHA-256 of the photo's file and the variant's number, from 1."""
    return sha256_bytes(f"{sha256}{variant_suffix(variant)}".encode())[:_VARIANT_KEY_DIGITS]


def assign_styles(photo: PlannedPhoto, *, styles: int, styles_per_photo: int) -> list[int]:
    """Return the ids of the styles in which a photo or a variant is stylized, in ascending order.

    Rendezvous hashing (Thaler and Ravishankar, 1998) ranks the styles of each photo; the first ones are chosen. The
    number of a variant is hashed too, so that the variants of a photo together cover most styles.

    Args:
        photo: The photo or the variant.
        styles: Number of styles of the set.
        styles_per_photo: Number of styles for each photo.
    """
    ids = range(styles)
    if styles_per_photo >= styles:
        return list(ids)
    name = photo.sha256 + (variant_suffix(photo.variant) if photo.variant else "")
    rank = {style: sha256_bytes(f"{style}:{name}".encode()) for style in ids}
    return sorted(sorted(ids, key=rank.__getitem__)[:styles_per_photo])
