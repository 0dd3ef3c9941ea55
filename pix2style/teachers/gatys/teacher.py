"""The optimisation as a teacher: a `Stylizer` that needs minutes, not milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pix2style.errors import ImageError, PhotoError
from pix2style.files import sha256_bytes, sha256_json
from pix2style.images import Image8, as_array, decode_picture, from_batch, resize, to_batch, to_signed
from pix2style.nets.features import FeatureNetwork
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity
from pix2style.teachers.gatys.network import load_network, weights_digest
from pix2style.teachers.gatys.objective import Losses, Objective, painting_grams
from pix2style.teachers.gatys.optimize import optimize
from pix2style.teachers.gatys.pyramid import Size, check_size, enlarge, level_sizes, painting_size
from pix2style.teachers.gatys.settings import ALGORITHM_VERSION, GatysSettings
from pix2style.teachers.style import StyleBlend

_KEPT_SIZES = 16


@dataclass(frozen=True, slots=True)
class OptimizationStep:
    """Progress after one step of the optimiser.

    Attributes:
        step: Number of the step, from 1, counted over all levels of the pyramid.
        total_steps: Number of steps that there will be at most.
        content_loss: Content loss, multiplied by its weight.
        style_loss: Style loss, multiplied by its weight.
        variation_loss: Total variation, multiplied by its weight.
        current_image: Function that returns the image after this step, uint8 [height, width, 3], at this level's size.
    """

    step: int
    total_steps: int
    content_loss: float
    style_loss: float
    variation_loss: float
    current_image: Callable[[], Image8]

    @property
    def total_loss(self) -> float:
        """Sum of the three losses."""
        return self.content_loss + self.style_loss + self.variation_loss


class GatysTeacher(Stylizer):
    """Paints by optimisation.

    Several paintings blend by the weighted mean of their Gram matrices. `strength` mixes the photo's own Gram matrices
    into that target, so that 0 leaves a photo as it is if it is also the start.

    Args:
        style: paintings, weights and strength.
        settings: how to paint.
        weights: VGG19's, a safetensors file; nothing: torchvision's, downloaded once (548 MB).
        network: loaded before with the same settings and weights, to be shared by several styles.
        device: "auto" (a GPU if there is one), or torch's name of one.

    Raises:
        ImageError: a painting is missing or cannot be read.
        ArtifactError: the weights cannot be had or end before the deepest layer.
    """

    def __init__(
        self,
        style: StyleBlend,
        settings: GatysSettings,
        weights: Path | None = None,
        *,
        network: FeatureNetwork | None = None,
        device: str = "auto",
    ) -> None:
        read = [_read_painting(path) for path in style.paintings]
        self._style, self._settings = style, settings
        self._paintings = [picture for picture, _ in read]
        self.network = network or load_network(settings, weights, pick_device(device))
        self._device = next(self.network.body.parameters()).device
        self._grams: dict[int, dict[str, Tensor]] = {}
        self._identity = self._identify(tuple(digest for _, digest in read))

    @property
    def identity(self) -> StylizerIdentity:
        """`gatys:` and the style's name; a digest of the algorithm's version and the weights; every setting."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`. One photo after the other; the same noise for all photos of one size.

        Raises:
            PhotoError: see `paint`.
        """
        return [self.stylize_photo(image) for image in images]

    def stylize_photo(
        self, photo: Image8, *, start: Image8 | None = None, on_step: Callable[[OptimizationStep], None] | None = None
    ) -> Image8:
        """Paint one photo.

        Args:
            photo: uint8 [height, width, 3], RGB.
            start: a picture to start from, of any size (it is resized); nothing: as the settings say.
            on_step: told of every step.

        Returns:
            uint8 of the photo's size.

        Raises:
            PhotoError: too small or too large for the network here, or the optimisation went to infinity.
        """
        photo = as_array(photo)
        check_size(self.network, self._settings, _size(photo))
        try:
            return self._paint(photo, start, on_step)
        except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
            if not _is_memory(error):
                raise
            height, width = _size(photo)
            raise PhotoError(
                f"{width}x{height} needs more memory than there is: make the photo smaller (--max-side)"
            ) from error

    def _paint(self, photo: Image8, start: Image8 | None, on_step: Callable[[OptimizationStep], None] | None) -> Image8:
        sizes = self.sizes(_size(photo))
        picture = self._start(photo, start, sizes[0])
        done = 0
        for level, size in enumerate(sizes):
            target = self._to_unit(resize(photo, *size))
            objective = Objective(
                self.network, self._settings, target, self._style_grams(max(size)), self._style.strength
            )
            if level:
                picture = enlarge(picture, size)
            tell = _teller(on_step, done, self.steps(len(sizes)))
            steps = self._settings.fine_steps if level else self._settings.steps
            picture = optimize(picture, objective, self._settings, steps, tell)
            done += steps
        return _to_image(picture)

    def sizes(self, size: Size) -> list[Size]:
        """The sizes (height, width) at which a photo of `size` is painted, small to large."""
        return level_sizes(size, self._settings.coarse_side_px, self.network.smallest_px)

    def steps(self, levels: int) -> int:
        """How many steps a photo that is painted at so many sizes takes at most."""
        return self._settings.steps + (levels - 1) * self._settings.fine_steps

    def _start(self, photo: Image8, start: Image8 | None, size: Size) -> Tensor:
        if start is not None:
            return self._to_unit(resize(as_array(start), *size))
        if self._settings.start == "content":
            return self._to_unit(resize(photo, *size))
        generator = torch.Generator().manual_seed(self._settings.seed)  # the CPU's: the same noise on every device
        return torch.rand((1, 3, *size), generator=generator).to(self._device)

    def _style_grams(self, longer_px: int) -> dict[str, Tensor]:
        """Once a size: photos of a set mostly share it."""
        if longer_px not in self._grams:
            if len(self._grams) >= _KEPT_SIZES:
                self._grams.clear()
            smallest = self.network.smallest_px
            side = max(smallest, round(longer_px * self._settings.painting_scale))
            scaled = (resize(one, *painting_size(_size(one), side, smallest)) for one in self._paintings)
            self._grams[longer_px] = painting_grams(
                self.network, self._settings, map(self._to_unit, scaled), self._style.normalized_weights
            )
        return self._grams[longer_px]

    def _to_unit(self, picture: Image8) -> Tensor:
        return ((torch.from_numpy(to_batch([picture])) + 1) / 2).to(self._device)

    def _identify(self, digests: tuple[str, ...]) -> StylizerIdentity:
        vgg = weights_digest(self.network)
        settings: dict[str, Setting] = {
            **self._settings.as_dict(),
            "shares": ",".join(f"{share:.17g}" for share in self._style.normalized_weights),
            "strength": self._style.strength,
            "vgg19_sha256": vgg,
        }
        return StylizerIdentity(
            name=f"gatys:{self._style.name}",
            sha256=sha256_json({"algorithm": "gatys", "version": ALGORITHM_VERSION, "vgg19": vgg}),
            style_sha256=digests,
            licence="Apache-2.0; VGG19's weights: CC-BY-4.0",
            settings=settings,
        )


def pick_device(name: str) -> torch.device:
    """`auto`: a GPU if torch sees one."""
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _teller(
    on_step: Callable[[OptimizationStep], None] | None, before: int, total: int
) -> Callable[[int, Losses, Tensor], None]:
    def tell(step: int, losses: Losses, picture: Tensor) -> None:
        if on_step is not None:
            parts = (float(losses.content), float(losses.style), float(losses.variation))
            on_step(OptimizationStep(before + step, total, *parts, current_image=lambda: _to_image(picture)))

    return tell


def _to_image(picture: Tensor) -> Image8:
    [image] = from_batch(to_signed(picture.detach() * 255).cpu().numpy())
    return image


def _size(picture: Image8) -> Size:
    height, width = picture.shape[:2]
    return height, width


def _read_painting(path: Path) -> tuple[Image8, str]:
    try:
        data = path.read_bytes()  # once, so that the digest is that of what was seen
    except OSError as error:
        raise ImageError(str(path), error.strerror or str(error)) from error
    return decode_picture(data, name=str(path), to_srgb=True).on_white(), sha256_bytes(data)


def _is_memory(error: BaseException) -> bool:
    # The CPU's allocator raises a plain RuntimeError: "DefaultCPUAllocator: can't allocate memory".
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
