"""The base: a lightweight generator of many styles, from whose weights the training of a new style starts.

`pipelines/base` trains it. A small linear layer computes from a painting's style vector how the base's layers are
scaled and shifted, so that a painting that it was never trained on has a first generator without any training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from pix2style.errors import ArtifactError
from pix2style.files import sha256_file, write_bytes
from pix2style.nets.lite import Lite, RepConv
from pix2style.nets.photo_norm import PhotoNorm, PhotoScale, StyledPhotoNorm, StyledPhotoScale
from pix2style.nets.style_condition import ConditionalBias
from pix2style.nets.weights import check_tensors, read_tensors_and_metadata, tensors_digest

BASE_FILE = Path(__file__).parents[1] / "weights" / "base.safetensors"
"""The weights that come with pix2style."""
_METADATA_KEY = "pix2style.base"
_SCHEMA_VERSION = 2
# Standard deviation of the untrained style tables. With zeros, neither the tables nor the style encoder would get a
# gradient, because each is multiplied by the other.
_INITIAL_TABLE_STD = 0.02


class BaseGenerator(Lite):
    """A `Lite` with norm "instance" whose normalisations and residual blocks depend on the style.

    Normalisations are scaled, and the first one is shifted, as by conditional instance normalisation (Dumoulin et al.
    2017, arXiv 1610.07629); convolutions of the blocks are shifted. So `for_style` folds a style into the weights of a
    plain generator.

    The `style` of its forward pass is a style code, [batch, codes], which `style_encoder` computes from a style vector.
    The context depends on it, too: give the one of `context_from_glimpse(glimpse, style)`. The table of each layer that
    depends on the style has one row for each number of the code.

    Args:
        channels, blocks, scale: See `Lite`.
        codes: Length of a style code.
        vector_length: Length of a style vector.
    """

    def __init__(
        self, channels: int = 48, blocks: int = 3, scale: int = 4, *, codes: int = 32, vector_length: int = 101
    ) -> None:
        super().__init__(channels, blocks, scale, norm="instance")
        self.styles, self.vector_length = codes, vector_length
        self.stem_norm = StyledPhotoNorm(channels, codes)
        for block in self.body:
            for name in ("first", "second"):
                setattr(block, name, ConditionalBias(getattr(block, name), channels, codes))
                setattr(block, f"{name}_norm", StyledPhotoScale(channels, codes))
        for layer in self._styled_layers():
            nn.init.normal_(layer.table, std=_INITIAL_TABLE_STD)
        self.style_encoder = nn.Linear(vector_length, codes)
        self.register_buffer("mean_code", torch.zeros(codes))

    def _styled_layers(self) -> list[StyledPhotoNorm | StyledPhotoScale | ConditionalBias]:
        kinds = (StyledPhotoNorm, StyledPhotoScale, ConditionalBias)
        return [module for module in self.modules() if isinstance(module, kinds)]

    @torch.no_grad()
    def for_style(self, vector: Tensor | None = None) -> Lite:
        """Return a plain generator of one style, in which the style's scales and shifts are part of the weights.

        Args:
            vector: Style vector, [vector_length]; None means the mean style.

        Raises:
            ValueError: The vector has another length.
        """
        code = self._code(vector)
        with torch.random.fork_rng(devices=[]):  # the initial weights that are drawn here are overwritten
            lite = Lite(self.channels, len(self.body), self.scale, norm="instance")
        lite.stem.load_state_dict(self.stem.state_dict())
        lite.head.load_state_dict(self.head.state_dict())
        assert lite.stem_norm is not None  # noqa: S101 (for mypy: norm is instance)
        assert self.stem_norm is not None  # noqa: S101
        _set_norm(lite.stem_norm, *self.stem_norm.in_style(code))
        for plain, block in zip(lite.body, self.body, strict=True):
            for name in ("first", "second"):
                _set_kernel(getattr(plain, name), getattr(block, name).with_fixed_style(code))
                _set_norm(getattr(plain, f"{name}_norm"), getattr(block, f"{name}_norm").in_style(code))
        return lite

    def _code(self, vector: Tensor | None) -> Tensor:
        if vector is None:
            return self.get_buffer("mean_code")
        if vector.shape != (self.vector_length,):
            raise ValueError(f"a style vector must be [{self.vector_length}], got {list(vector.shape)}")
        code: Tensor = self.style_encoder(vector)
        return code


def save_base(generator: BaseGenerator, path: Path, notes: dict[str, Any]) -> None:
    """Write a base as float16; the two branches of each `RepConv` are merged.

    Args:
        generator: Trained base.
        path: File to write.
        notes: JSON values that say where the weights come from, for the file's metadata.
    """
    tensors = {key: tensor.half().contiguous() for key, tensor in _merged_state(generator).items()}
    description = {
        "schema_version": _SCHEMA_VERSION,
        "channels": generator.channels,
        "blocks": len(generator.body),
        "scale": generator.scale,
        "codes": generator.styles,
        "vector_length": generator.vector_length,
        "tensors_sha256": tensors_digest(tensors),
        **notes,
    }
    write_bytes(path, save(tensors, {_METADATA_KEY: json.dumps(description, sort_keys=True)}))


def load_base(path: Path = BASE_FILE) -> BaseGenerator:
    """Load a base that `save_base` wrote, with weights in float32.

    Raises:
        ArtifactError: The file is missing, damaged, or no base of a schema version that this code reads.
    """
    tensors, metadata = read_tensors_and_metadata(path)
    description = _parse_description(metadata, path)
    if description.get("schema_version") != _SCHEMA_VERSION:
        raise ArtifactError(f"{path}: holds no base weights that this version of pix2style reads: reinstall pix2style")
    check_tensors(tensors, description.get("tensors_sha256"), path, remedy="reinstall pix2style")
    sizes = {key: description[key] for key in ("channels", "blocks", "scale", "codes", "vector_length")}
    generator = BaseGenerator(**sizes)
    missing, unexpected = generator.load_state_dict(
        {key: value.float() for key, value in tensors.items()}, strict=False
    )
    if unexpected or any(not key.endswith(".point") for key in missing):
        raise ArtifactError(f"{path}: the weights do not fit its own description: reinstall pix2style")
    return generator.eval()


def base_description(path: Path = BASE_FILE) -> dict[str, Any]:
    """Return the description in a base file's metadata, with the file's digest as `sha256`."""
    _, metadata = read_tensors_and_metadata(path)
    return {**_parse_description(metadata, path), "sha256": sha256_file(path)}


def _parse_description(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(metadata.get(_METADATA_KEY, "{}")))
    except (ValueError, TypeError) as error:
        raise ArtifactError(f"{path}: its description is damaged ({error}): reinstall pix2style") from error


def _merged_state(generator: BaseGenerator) -> dict[str, Tensor]:
    """Return the state dict with each `RepConv` in its 3x3 branch; the 1x1 branches, now zero, are left out."""
    state = generator.state_dict()
    for name, module in generator.named_modules():
        if isinstance(module, RepConv):
            state[f"{name}.full"] = module.kernel().detach()
            del state[f"{name}.point"]
    return state


def _set_norm(target: PhotoNorm | PhotoScale, weight: Tensor, bias: Tensor | None = None) -> None:
    target.weight.copy_(weight)
    if bias is not None:
        target.bias.copy_(bias)  # type: ignore[operator]


@torch.no_grad()
def _set_kernel(target: RepConv, source: nn.Conv2d) -> None:
    """Put the kernel of a plain convolution into the 3x3 branch; the 1x1 branch becomes zero."""
    target.full.copy_(source.weight)
    target.point.zero_()
    target.bias.copy_(source.bias)  # type: ignore[arg-type]
