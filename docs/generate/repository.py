"""Bring pages of the repository that lie outside of docs/ into the site, and keep links among all of them right."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PAGES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/LOG.md",
    "benchmarks/quality.md",
    "benchmarks/styles.jpg",
    "benchmarks/styles.md",
    "benchmarks/without_normalisation.md",
    "data/README.md",
    "pipelines/base/README.md",
    "pix2style/gallery/filters/photos.md",
    "pix2style/samples/LICENSES.md",
)
_RESULTS = "benchmarks/results"
_FOLDER = "repository"
_EXPERIMENTS_PAGE = "reference/experiments.md"
_PIPELINES_PAGE = "reference/pipelines.md"
_CONTAINER_FILE = "Dockerfile"
_LANGUAGES = {".yaml": "yaml", ".sh": "sh", ".slurm": "sh", ".service": "ini", ".py": "python"}
_LINK = re.compile(r"(?<=\]\()([^)#\s]+)(#[^)\s]*)?(?=\))")


def outside_pages() -> Iterator[tuple[str, Path]]:
    """Yield each page, and each picture, outside of docs/ as its place in the site and its file."""
    for name in (*_PAGES, *sorted(f"{_RESULTS}/{path.name}" for path in (ROOT / _RESULTS).glob("*.md"))):
        yield _place(name), ROOT / name


def _place(name: str) -> str:
    """Return where the site has a page of the repository; `name` is relative to the repository's root."""
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    return f"{_FOLDER}/{name}".replace("README.md", "index.md")


def relink(markdown: str, place: str, source: Path) -> str:
    """Turn a page's links between files of the repository into links between pages of the site.

    Args:
        markdown: Text of the page.
        place: Place of the page in the site, for example `guides/train.md`.
        source: File of the page; its links are relative to it.

    Raises:
        FileNotFoundError: A link leads to a file that the repository does not have.
    """

    def replace(match: re.Match[str]) -> str:
        target, anchor = match.group(1), match.group(2) or ""
        if ":" in target:  # an address
            return match.group(0)
        path = (source.parent / target).resolve()
        if not path.exists():
            raise FileNotFoundError(f"{source.relative_to(ROOT)}: the link {target} leads nowhere")
        page, page_anchor = _page_of(path.relative_to(ROOT).as_posix())
        return posixpath.relpath(page, posixpath.dirname(place) or ".") + (anchor or page_anchor)

    return _LINK.sub(replace, markdown)


def _page_of(name: str) -> tuple[str, str]:
    """Return the page of the site, and the place on it, that shows a file of the repository."""
    path = Path(name)
    if name == "README.md":
        return "index.md", ""
    if path.parts[0] == "configs":
        return _EXPERIMENTS_PAGE, f"#{_slug(path.name)}" if path.suffix == ".yaml" else ""
    if name == _CONTAINER_FILE:
        return _PIPELINES_PAGE, f"#{_slug(name)}"
    if path.parts[0] == "pipelines" and name not in _PAGES:
        is_listed = path.parent == Path("pipelines") and path.suffix in _LANGUAGES
        return _PIPELINES_PAGE, f"#{_slug(path.name)}" if is_listed else ""
    return _place(name), ""


def listing(folder: str) -> str:
    """Return one Markdown section for each YAML file and script in a folder of the repository, with its text.

    The container file lies at the root of the repository, where its tools expect it, but is listed with `pipelines/`.
    """
    sections = []
    files = sorted((ROOT / folder).iterdir()) + ([ROOT / _CONTAINER_FILE] if folder == "pipelines" else [])
    for path in files:
        language = "dockerfile" if path.name == _CONTAINER_FILE else _LANGUAGES.get(path.suffix)
        if language:
            text = path.read_text(encoding="utf-8").rstrip()
            sections.append(f"## {path.name} {{ #{_slug(path.name)} }}\n\n```{language}\n{text}\n```\n")
    return "\n".join(sections)


def _slug(name: str) -> str:
    return name.lower().replace(".", "-")
