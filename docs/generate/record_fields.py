"""Write tables of the fields of JSON records from their pydantic models."""

from __future__ import annotations

import pkgutil
import re
import typing

from markdown_table import table
from pydantic import BaseModel


def field_table(name: str) -> str:
    """Return a Markdown table with the fields of a record.

    Args:
        name: Full name of the pydantic model, for example `pix2style.pairs.format.manifest.PairManifest`.
    """
    record: type[BaseModel] = pkgutil.resolve_name(name)
    rows = [
        (f"`{field}`", f"`{_type_text(info.annotation)}`", info.description or "")
        for field, info in record.model_fields.items()
    ]
    return table(("Field", "Type", "Meaning"), rows)


def _type_text(annotation: object) -> str:
    """Return a type without the names of its modules and without constraints."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _type_text(typing.get_args(annotation)[0])
    text = str(annotation) if typing.get_args(annotation) else getattr(annotation, "__name__", str(annotation))
    text = re.sub(r"typing\.Annotated\[([\w.]+), [^\]]*\]+?\)?\]", r"\1", text)
    return re.sub(r"\b[\w.]+\.(?=\w)", "", text).replace("NoneType", "None").replace(" | ", " or ")
