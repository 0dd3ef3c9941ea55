"""The licence in the header of a model card, as hubs accept it: one of their ids, or `other` with a name."""

from __future__ import annotations

import json
import re

UNSPECIFIED = "unspecified"
# The ids that Hugging Face's hub accepts (https://huggingface.co/docs/hub/repositories-licenses).
# fmt: off
_IDS = frozenset([
    "apache-2.0", "mit", "openrail", "bigscience-openrail-m", "creativeml-openrail-m",
    "bigscience-bloom-rail-1.0", "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd",
    "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5",
    "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0",
    "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0", "cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "wtfpl", "ecl-2.0",
    "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "agpl-3.0", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "lgpl",
    "lgpl-2.1", "lgpl-3.0", "isc", "lppl-1.3c", "ms-pl", "mpl-2.0", "odc-by", "odbl", "openrail++", "osl-3.0",
    "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl", "lgpl-lr", "deepfloyd-if-license", "llama2",
    "gemma", "unknown",
])
# fmt: on
# Other spellings, after `_normalize`.
_ALIASES = {
    "cc0": "cc0-1.0",
    "apache": "apache-2.0",
    "apache-2": "apache-2.0",
    "gplv2": "gpl-2.0",
    "gplv3": "gpl-3.0",
    "gpl-2": "gpl-2.0",
    "gpl-3": "gpl-3.0",
    "agpl-3": "agpl-3.0",
    "lgpl-3": "lgpl-3.0",
    "agplv3": "agpl-3.0",
    "lgplv3": "lgpl-3.0",
}
# Words that people add to the name of a licence, and endings of SPDX.
_NOISE = re.compile(r"-(licen[cs]e|international|only|or-later|version)(?=-|$)|^the-|(?<=-)v(?=\d)")


def licence_header(licence: str) -> list[str]:
    """Return the lines of a card's YAML header for a licence.

    Args:
        licence: Licence as somebody wrote it, for example "CC BY-NC 4.0".
    """
    text = " ".join(licence.split())
    if not text or text.lower() == UNSPECIFIED:
        return ["license: unknown"]
    normalized = _normalize(text)
    known = _ALIASES.get(normalized, normalized)
    if known in _IDS:
        return [f"license: {known}"]
    # The hub's names have these characters only. A JSON string is valid YAML, whatever the name is ("1.0", "on").
    name = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "custom"
    return ["license: other", f"license_name: {json.dumps(name)}"]


def _normalize(text: str) -> str:
    dashed = re.sub(r"[\s_/]+", "-", text.lower()).strip("-")
    return _NOISE.sub("", dashed).replace("creative-commons-", "cc-")
