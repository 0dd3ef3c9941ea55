"""The base of every generator: any size in, the same size out."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F  # noqa: N812 (the name that every reader of torch code knows)
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pix2style.nets.blocks import Foldable
from pix2style.nets.image_tensors import check_rgb_batch
from pix2style.nets.key_map import with_current_keys
from pix2style.nets.style_condition import fix_style, style_weights


class Generator(nn.Module, ABC):
    """A picture in, the same picture in another style out.

    Attributes:
        architecture: the kind's name in configurations and filter files.
        size_multiple: height and width that `_generate` gets are multiples of this.
        receptive_field_px: the largest distance, in pixels along a row or a column, at which an input pixel can change
            an output pixel while the context (or the statistics of normalisations) stays the same.
        global_context: whether every output pixel also depends on the whole picture: through `context`, or, where
            that gives None, through normalisations that take statistics of the picture. Then no tile equals the whole.
        uses_glimpse: whether `context` comes from a glimpse of the picture (`images.glimpse`), so that a crop can be
            painted as a part of its photo: with `context_from_glimpse(glimpse)`.
        styles: how many the network holds; with more than 1, `forward` wants to know which.
    """

    architecture: ClassVar[str]
    uses_glimpse: ClassVar[bool] = False
    size_multiple: int
    receptive_field_px: int
    global_context: bool = False
    styles: int = 1

    def forward(self, photo: Tensor, context: Tensor | None = None, style: Tensor | None = None) -> Tensor:
        """Paint pictures of any height and width.

        The photo is padded below and on the right only, by repeating its edge: so pixel (0, 0) keeps its place on the
        grid of the strided layers, and a tile that starts at a multiple of `size_multiple` is painted like that part of
        the whole. Nothing beyond the padding is seen by `context`.

        Args:
            photo: [batch, 3, height >= 1, width >= 1], RGB in [-1, 1].
            context: what `context(whole photo)` gave, to paint a tile of it; without it, the context is the photo's
                own.
            style: weights of the styles with the sum 1, [batch, styles] (a single 1 while training); None if and only
                if the network holds one style.

        Returns:
            [batch, 3, height, width] in [-1, 1].

        Raises:
            ValueError: not a batch of RGB pictures, or a style is missing or too many.
        """
        check_rgb_batch(photo)
        self._check_style(photo, style)
        if context is None:
            context = self.context(photo)
        padded = pad_to_multiple(photo, self.size_multiple)
        painted = self._generate(padded, context, style)
        # Negative padding crops, and says exactly the photo's size: after a slice the exporter states the output's
        # height as "Min(height, ...)", after a narrow it assumes that there was nothing to crop.
        return F.pad(painted, (0, photo.shape[-1] - padded.shape[-1], 0, photo.shape[-2] - padded.shape[-2]))

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load weights as `nn.Module.load_state_dict` does; keys of earlier versions are renamed first (`key_map`)."""
        return super().load_state_dict(with_current_keys(state_dict, self.architecture), strict, assign)

    @property
    def example_side_px(self) -> int:
        """A height or width of example photos for `torch.onnx.export`; give it one that is, and one that is 1 more.

        Larger than `size_multiple` and no multiple of it, nor is the next: at a multiple the exporter would conclude
        that there is never anything to pad, and at less that the deepest features are always 1x1.
        """
        return self.size_multiple + max(self.size_multiple // 2, 1)

    def context(self, photo: Tensor) -> Tensor | None:
        """What the picture as a whole tells every pixel; None where `global_context` is False."""
        del photo
        return None

    def context_from_glimpse(self, glimpse: Tensor) -> Tensor:
        """The same from a glimpse of the picture, where `uses_glimpse`.

        Args:
            glimpse: [batch, 3, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX] in [-1, 1].

        Raises:
            ValueError: the network looks at none.
        """
        del glimpse
        raise ValueError(f"{self.architecture} looks at no glimpse")

    @abstractmethod
    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        """Paint a photo whose height and width are multiples of `size_multiple`."""

    def _check_style(self, photo: Tensor, style: Tensor | None) -> None:
        if style is None and self.styles > 1:
            raise ValueError(
                f"the network holds {self.styles} styles: pass style=, their weights [batch, {self.styles}], or call"
                " with_fixed_style(...), which returns a network of one style"
            )
        if style is not None and self.styles == 1:
            raise ValueError("the network holds one style: pass none")
        if style is not None and style.shape != (len(photo), self.styles):
            raise ValueError(f"style must be [{len(photo)}, {self.styles}], got {list(style.shape)}")

    def with_fixed_style(self, weights: int | list[float] | tuple[float, ...]) -> Self:
        """An ordinary network of one style: a copy in eval mode, in which that style is part of the weights.

        Args:
            weights: a style's id from 0 on, or a weight for each style; see `style_weights`.

        Raises:
            ValueError: the network holds one style, or not this one.
        """
        if self.styles == 1:
            raise ValueError("the network holds one style: there is nothing to choose")
        chosen = style_weights(weights, self.styles)
        twin = copy.deepcopy(self).eval()
        for module in twin.modules():
            _make_plain(module)  # a limited weight cannot be scaled
        fix_style(twin, chosen)
        twin.styles = 1
        return twin

    def folded(self) -> Self:
        """An equivalent for shipping: a copy in eval mode, extra branches merged, parametrisations made plain weights.

        Spectral norm left in an exported graph is a known trap (pytorch #27723).
        """
        twin = copy.deepcopy(self).eval()
        for module in list(twin.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, Foldable):
                    setattr(module, name, child.fold().eval())
        for module in twin.modules():
            _make_plain(module)
        return twin


def _make_plain(module: nn.Module) -> None:
    if parametrize.is_parametrized(module):
        # Removing takes the weight's property from the class, which a copy shares with the original: give it its own.
        shared = type(module)
        own = {key: value for key, value in vars(shared).items() if key not in ("__dict__", "__weakref__")}
        module.__class__ = type(shared.__name__, shared.__bases__, own)
        for name in list(module.parametrizations):  # type: ignore[arg-type]
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)


def pad_to_multiple(photo: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column until height and width are multiples of `multiple`.

    Args:
        photo: [batch, channels, height >= 1, width >= 1].
        multiple: of both sizes afterwards.
    """
    height, width = photo.shape[-2:]
    # Written as multiple * ceil(size / multiple), not size + (-size % multiple): the exporter's algebra can then prove
    # that halving and doubling give the same symbolic size again, and needs no guards.
    below = (height + multiple - 1) // multiple * multiple - height
    right = (width + multiple - 1) // multiple * multiple - width
    if not torch.compiler.is_exporting() and below == right == 0:
        return photo  # training crops: no copy
    return F.pad(photo, (0, right, 0, below), mode="replicate")
