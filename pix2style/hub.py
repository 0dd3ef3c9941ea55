"""The lightweight generator as a Hugging Face Hub model, which loads from and saves to a folder or a repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import PyTorchModelHubMixin

from pix2style.errors import ArtifactError
from pix2style.files import read_json, sha256_file
from pix2style.nets.lite import Lite, RepConv

CONFIG_NAME = "config.json"
WEIGHTS_DIGEST_KEY = "weights_sha256"
"""Key of the configuration with the digest of the weights file."""


class LiteHub(Lite, PyTorchModelHubMixin, library_name="pix2style"):  # type: ignore[call-arg, misc]
    """The lightweight generator as `pix2style export --package` writes it: with folded, plain convolutions.

    Load it with `LiteHub.from_pretrained(folder_or_repository)`.

    Args:
        channels: See `Lite`.
        blocks: See `Lite`.
        scale: See `Lite`.
        styles: See `Lite`.
        norm: See `Lite`.
    """

    def __init__(
        self, channels: int = 48, blocks: int = 3, scale: int = 4, styles: int = 1, norm: str = "none"
    ) -> None:
        super().__init__(channels, blocks, scale, styles, norm)
        for module in list(self.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, RepConv):
                    setattr(module, name, child.fold())

    @classmethod
    def _load_as_safetensor(cls, model: Any, model_file: str, map_location: str, strict: bool) -> Any:
        """Load the weights, which `from_pretrained` found in a folder or downloaded.

        Raises:
            ArtifactError: They have another digest than the configuration beside them says. What `save_pretrained`
                writes has no digest and is not checked.
        """
        config = Path(model_file).with_name(CONFIG_NAME)
        expected = read_json(config).get(WEIGHTS_DIGEST_KEY) if config.is_file() else None
        if expected is not None and sha256_file(Path(model_file)) != expected:
            raise ArtifactError(
                f"{model_file}: is damaged: its digest differs from the one in {CONFIG_NAME}: download it again"
            )
        return super()._load_as_safetensor(model, model_file, map_location, strict)
