"""A filter that is made in milliseconds, without torch."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_filters import write_filter

pytest.importorskip("av")


@pytest.fixture(scope="session")
def negative_filter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filter file that negates photos."""
    return write_filter(tmp_path_factory.mktemp("filter") / "negative.onnx", size_multiple=1)
