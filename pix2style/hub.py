"""The lightweight generator as a Hugging Face Hub model, which loads from and saves to a folder or a repository."""

from __future__ import annotations

from huggingface_hub import PyTorchModelHubMixin

from pix2style.nets.lite import Lite, RepConv


class LiteHub(Lite, PyTorchModelHubMixin, library_name="pix2style"):  # type: ignore[call-arg, misc]
    """The lightweight generator as `pix2style export --package` writes it: with folded, plain convolutions.

    Load it with `LiteHub.from_pretrained(folder_or_repository)`.

    Args:
        channels: See `Lite`.
        blocks: See `Lite`.
        scale: See `Lite`.
        styles: See `Lite`.
    """

    def __init__(self, channels: int = 48, blocks: int = 3, scale: int = 4, styles: int = 1) -> None:
        super().__init__(channels, blocks, scale, styles)
        for module in list(self.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, RepConv):
                    setattr(module, name, child.fold())
