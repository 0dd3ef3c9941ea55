"""Find the fenced code blocks of the documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "data/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")),
)
SHELL_LANGUAGES = {"bash", "sh", "console", "shell"}
KNOWN_LANGUAGES = {*SHELL_LANGUAGES, "python", "html", "yaml", "text", "json"}
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r'title="([^"]*)"')


@dataclass(frozen=True)
class Block:
    """One fenced code block.

    Attributes:
        page: Path of the page, relative to the repository.
        line: Line of the page on which the block begins, from 1.
        language: First word after the fence; empty if there is none.
        title: What readers see above the block; empty if there is none.
        text: The code.
    """

    page: str
    line: int
    language: str
    title: str
    text: str

    @property
    def needs(self) -> str:
        """What the title says that the block needs, such as `Needs a network`; empty if it needs nothing special."""
        return self.title if self.title.startswith(("Needs ", "Takes ")) else ""

    @property
    def commands(self) -> list[str]:
        """The commands of a shell block, without prompts; lines that end in a backslash are joined."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.removeprefix("$ ").strip() for line in lines if line.strip() and not line.startswith("#")]


def blocks_of(page: str) -> list[Block]:
    """Return the code blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = []
    for match in _FENCE.finditer(text):
        language, _, attributes = match["info"].strip().partition(" ")
        title = _TITLE.search(attributes)
        line = text[: match.start()].count("\n") + 1
        code = re.sub(f"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        blocks.append(Block(page, line, language, title.group(1) if title else "", code))
    return blocks
