"""Say for people why two plans describe different pair sets."""

from __future__ import annotations

from pix2style.pairs.format.manifest import TeacherRecord
from pix2style.pairs.format.plan import PairPlan
from pix2style.plural import counted

_SHOWN_NAMES = 3
_SETTINGS = (
    "styles_per_photo",
    "size",
    "fit",
    "format",
    "seed",
    "val_share",
    "test_share",
    "variants",
    "photos_per_shard",
)


def plan_differences(old: PairPlan, new: PairPlan) -> list[str]:
    """List what makes `new` another set than `old`; the list is empty if the plans are equal.

    Args:
        old: Plan in the folder of the pair set.
        new: Plan of the current call.
    """
    differences = settings_differences(old, new) + _photo_differences(old, new)
    if not differences and old != new:
        differences.append("duplicate or unreadable files")
    return differences


def settings_differences(old: PairPlan, new: PairPlan) -> list[str]:
    """List the differences in teachers and settings alone; see `plan_differences`."""
    differences = []
    if len(old.teachers) != len(new.teachers):
        differences.append(f"{counted(len(old.teachers), 'style')} there, {len(new.teachers)} now")
    for old_teacher, new_teacher in zip(old.teachers, new.teachers, strict=False):
        differences += _teacher_differences(old_teacher, new_teacher)
    for name in _SETTINGS:
        old_value, new_value = getattr(old, name), getattr(new, name)
        if old_value != new_value:
            differences.append(f"{name} {old_value} there, {new_value} now")
    return differences


def _teacher_differences(old: TeacherRecord, new: TeacherRecord) -> list[str]:
    if old.name != new.name:
        return [f"teacher {old.name} there, {new.name} now"]
    if old.style_sha256 != new.style_sha256:
        return ["the file of the style image has changed"]
    if old.sha256 != new.sha256:
        return [f"teacher {new.name} has other weights"]
    keys = sorted(key for key in old.settings | new.settings if old.settings.get(key) != new.settings.get(key))
    settings = ", ".join(f"{key} {old.settings.get(key)} there, {new.settings.get(key)} now" for key in keys)
    return [f"teacher {new.name} has other settings ({settings or 'its licence'})"] if old != new else []


def _photo_differences(old: PairPlan, new: PairPlan) -> list[str]:
    old_photos, new_photos = ({(photo.source, photo.sha256) for photo in plan.photos} for plan in (old, new))
    differences = []
    for label, photos in (("not there before", new_photos - old_photos), ("gone or changed", old_photos - new_photos)):
        if photos:
            shown = ", ".join(source for source, _ in sorted(photos)[:_SHOWN_NAMES])
            more = ", ..." if len(photos) > _SHOWN_NAMES else ""
            differences.append(f"photos {label}: {len(photos)} ({shown}{more})")
    return differences
