"""The base class of all generators: networks that turn a photo of any size into a stylized image of the same size."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pix2style.nets.blocks import Foldable
from pix2style.nets.image_tensors import check_rgb_batch
from pix2style.nets.key_map import with_current_keys
from pix2style.nets.style_condition import fix_style, style_weights
from pix2style.plural import counted


@dataclass(frozen=True, slots=True)
class FeatureStage:
    """A place inside a generator whose features can be compared with those of another generator (distillation).

    Attributes:
        index: Number of the stage, as `Generator.forward` takes it in `feature_stages`.
        channels: Number of channels of the features.
        scale: Side in pixels of the photo's square that one position of the features stands for.
    """

    index: int
    channels: int
    scale: int


class GeneratorOutput(NamedTuple):
    """An image and intermediate features of the same forward pass.

    Attributes:
        image: Image batch [batch, 3, height, width] in [-1, 1].
        features: Features of the padded photo by stage index, [batch, channels, h, w] each.
    """

    image: Tensor
    features: dict[int, Tensor]


class Generator(nn.Module, ABC):
    """A network that turns a photo into an image in another style.

    A glimpse is a small mosaic of patches from the whole photo (see `images.glimpse`). From it some architectures
    compute a context, numbers that describe the photo as a whole, so that a crop or a tile is stylized like that part
    of its photo.

    Attributes:
        architecture: Name of the architecture in configurations and filter files.
        size_multiple: Heights and widths that `_generate` accepts are multiples of this.
        receptive_field_px: Largest distance, in pixels along a row or a column, at which an input pixel can change an
            output pixel while the context (or the statistics of normalisation layers) stays the same.
        global_context: Whether every output pixel also depends on the whole photo: through `context`, or, if that
            returns None, through normalisation layers with statistics of the whole image. In the latter case tiles
            differ from the same part of the whole image.
        uses_glimpse: Whether `context` depends on a glimpse of the photo only (see `context_from_glimpse`).
        styles: Number of styles that the network holds. With more than 1, `forward` needs their weights.
    """

    architecture: ClassVar[str]
    size_multiple: int
    receptive_field_px: int
    global_context: bool = False
    uses_glimpse: bool = False
    styles: int = 1

    def forward(
        self,
        photo: Tensor,
        context: Tensor | None = None,
        style: Tensor | None = None,
        feature_stages: Collection[int] | None = None,
    ) -> Tensor | GeneratorOutput:
        """Stylize photos of any height and width.

        The photo is padded by repeating its edge, below and on the right only. Pixel (0, 0) thereby keeps its position
        relative to strided layers, and a tile that starts at a multiple of `size_multiple` is stylized like that part
        of the whole photo. The padding does not influence the context.

        Args:
            photo: [batch, 3, height >= 1, width >= 1], RGB in [-1, 1].
            context: Result of `context` for the whole photo, if `photo` is a tile or a crop of it; None computes it
                from `photo`.
            style: Weights of the styles, [batch, styles], which sum to 1; in training they are one-hot. None if and
                only if the network holds one style.
            feature_stages: Indices of the stages whose features are returned as well (see `stages_at_scale`).

        Returns:
            The image [batch, 3, height, width] in [-1, 1]; a `GeneratorOutput` if `feature_stages` is not None.

        Raises:
            ValueError: `photo` is not a batch of RGB images, `style` does not fit the network, or the architecture has
                no feature stages.
        """
        check_rgb_batch(photo)
        self._check_style(photo, style)
        if context is None:
            context = self.context(photo)
        padded = pad_to_multiple(photo, self.size_multiple)
        if feature_stages:
            generated, features = self._generate_with_features(padded, context, style, feature_stages)
        else:
            generated, features = self._generate(padded, context, style), {}
        # Negative padding crops. The ONNX exporter derives the exact output size from it, whereas it states the height
        # after a slice as "Min(height, ...)", and assumes after `narrow` that there was nothing to crop.
        image = F.pad(generated, (0, photo.shape[-1] - padded.shape[-1], 0, photo.shape[-2] - padded.shape[-2]))
        return image if feature_stages is None else GeneratorOutput(image, features)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load weights as `nn.Module.load_state_dict` does; keys of earlier versions are renamed first (`key_map`)."""
        return super().load_state_dict(with_current_keys(state_dict, self.architecture), strict, assign)

    @property
    def example_side_px(self) -> int:
        """Height of an example photo for `torch.onnx.export`; its width should be 1 larger.

        Both are above `size_multiple`, or the exporter would conclude that the deepest features are always 1x1, and
        neither is a multiple of it, or the exporter would conclude that padding is never needed.
        """
        return self.size_multiple + max(self.size_multiple // 2, 1)

    def context(self, photo: Tensor) -> Tensor | None:
        """Compute the context of a whole photo; None if the architecture has none."""
        del photo
        return None

    def context_from_glimpse(self, glimpse: Tensor) -> Tensor:
        """Compute the context of a photo from its glimpse.

        Args:
            glimpse: [batch, 3, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX] in [-1, 1].

        Raises:
            ValueError: The architecture does not use glimpses (see `uses_glimpse`).
        """
        del glimpse
        raise ValueError(f"{self.architecture} does not use glimpses")

    @abstractmethod
    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        """Generate the image of a photo whose height and width are multiples of `size_multiple`."""

    def stages_at_scale(self, scale: int) -> tuple[FeatureStage, FeatureStage] | None:
        """Return the two stages that represent the network in feature distillation, in the order in which they run.

        They lie halfway through the network and at its end, at about 1/scale of the resolution.

        Args:
            scale: Power of two.

        Returns:
            None if the architecture has no such stages.
        """
        del scale
        return None

    def _generate_with_features(
        self, photo: Tensor, context: Tensor | None, style: Tensor | None, feature_stages: Collection[int]
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """Generate as `_generate` does, and return the features of the named stages as well."""
        del photo, context, style
        raise ValueError(f"{self.architecture} has no feature stages, got {list(feature_stages)}")

    def _check_style(self, photo: Tensor, style: Tensor | None) -> None:
        if style is None and self.styles > 1:
            raise ValueError(
                f"the network holds {counted(self.styles, 'style')}: pass style=, their weights [batch,"
                f" {self.styles}], or call"
                " with_fixed_style(...), which returns a network of one style"
            )
        if style is not None and self.styles == 1:
            raise ValueError("the network holds one style: leave style= out")
        if style is not None and style.shape != (len(photo), self.styles):
            raise ValueError(f"style must be [{len(photo)}, {self.styles}], got {list(style.shape)}")

    def with_fixed_style(self, weights: int | list[float] | tuple[float, ...]) -> Self:
        """Return a network of one style: a copy in eval mode, in which that style is part of the weights.

        Args:
            weights: Index of a style, or a weight for each style; see `style_weights`.

        Raises:
            ValueError: The network holds one style only, or there is no such style.
        """
        if self.styles == 1:
            raise ValueError("the network holds one style: there is nothing to choose")
        style = style_weights(weights, self.styles)
        twin = copy.deepcopy(self).eval()
        for module in twin.modules():
            _remove_parametrizations(module)  # the weight under spectral norm cannot be multiplied by a style's scale
        fix_style(twin, style)
        twin.styles = 1
        return twin

    def folded(self) -> Self:
        """Return an equivalent network for export: a copy in eval mode without parts that only training needs.

        Parallel branches are merged (`Foldable`), and parametrizations such as spectral norm are replaced by plain
        weights, because spectral norm in an exported graph is a known problem (pytorch #27723).
        """
        twin = copy.deepcopy(self).eval()
        for module in list(twin.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, Foldable):
                    setattr(module, name, child.fold().eval())
        for module in twin.modules():
            _remove_parametrizations(module)
        return twin


def _remove_parametrizations(module: nn.Module) -> None:
    """Replace parametrized weights by plain ones of the same value."""
    if parametrize.is_parametrized(module):
        # Removal deletes the weight's property from the module's class. A deep copy shares that class with the
        # original, which would lose the property too: give the copy a class of its own.
        shared = type(module)
        own = {key: value for key, value in vars(shared).items() if key not in ("__dict__", "__weakref__")}
        module.__class__ = type(shared.__name__, shared.__bases__, own)
        for name in list(module.parametrizations):  # type: ignore[arg-type]
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)


def pad_to_multiple(photo: Tensor, multiple: int) -> Tensor:
    """Pad an image by repeating its last row and column until height and width are multiples of `multiple`.

    Args:
        photo: [batch, channels, height >= 1, width >= 1].
        multiple: Number that divides both sizes afterwards.
    """
    height, width = photo.shape[-2:]
    # Written as multiple * ceil(size / multiple) instead of size + (-size % multiple), because the ONNX exporter can
    # then prove that halving and doubling lead back to the same symbolic size.
    below = (height + multiple - 1) // multiple * multiple - height
    right = (width + multiple - 1) // multiple * multiple - width
    if not torch.compiler.is_exporting() and below == right == 0:
        return photo  # avoids a copy of training crops
    return F.pad(photo, (0, right, 0, below), mode="replicate")
