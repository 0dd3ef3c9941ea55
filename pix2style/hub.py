"""The lightweight generator as a model of Hugging Face's hub: loaded from, and saved to, a folder or a repository."""

from __future__ import annotations

from huggingface_hub import PyTorchModelHubMixin

from pix2style.nets.lite import Lite, RepConv


class LiteHub(Lite, PyTorchModelHubMixin, library_name="pix2style"):  # type: ignore[call-arg, misc]
    """`LiteHub.from_pretrained(folder)`: the network that `pix2style export --package` wrote, with plain convolutions.

    Args:
        channels: as of `Lite`.
        blocks: as of `Lite`.
        scale: as of `Lite`.
        styles: as of `Lite`.
    """

    def __init__(self, channels: int = 48, blocks: int = 3, scale: int = 4, styles: int = 1) -> None:
        super().__init__(channels, blocks, scale, styles)
        for module in list(self.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, RepConv):
                    setattr(module, name, child.fold())
