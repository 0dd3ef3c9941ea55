"""The optimisation as a teacher. It needs minutes per photo on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pix2style.errors import PhotoError
from pix2style.files import sha256_json
from pix2style.images import Image8, as_array, from_batch, resize, to_batch, to_signed
from pix2style.nets.features import FeatureNetwork
from pix2style.nets.forked import compute_in_one_thread_after_fork
from pix2style.nets.precision import has_fast_bfloat16
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity
from pix2style.teachers.gatys.network import bfloat16_copy, load_network, weights_digest
from pix2style.teachers.gatys.objective import Losses, Objective, painting_grams
from pix2style.teachers.gatys.optimize import optimize
from pix2style.teachers.gatys.pyramid import Size, check_size, enlarge, level_sizes, painting_size
from pix2style.teachers.gatys.settings import ALGORITHM_VERSION, GatysSettings
from pix2style.teachers.style import StyleBlend, read_painting

# Sizes of photos whose Gram matrices are kept. Photos of a set mostly have few sizes.
_CACHED_SIZES = 16
# Share of a level's steps that computes in float32 after those in bfloat16. They remove what rounding has left.
_EXACT_SHARE = 0.1


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


OnStep = Callable[[OptimizationStep], None]


class GatysTeacher(Stylizer):
    """Stylizes by optimisation, one photo after the other.

    Several paintings are blended by the weighted mean of their Gram matrices. A `strength` below 1 mixes the photo's
    own Gram matrices into that target; a strength of 0 leaves a photo unchanged if the optimisation starts from it.

    Args:
        style: Paintings, weights and strength.
        settings: Settings of the optimisation.
        weights: Safetensors file of VGG19's weights; None for the places that `load_vgg` names.
        network: A network that is already loaded with the same settings and weights, to share it between styles.
        fast_network: `bfloat16_copy` of `network`, to share it too.
        device: "auto" for a GPU if there is one, or torch's name of a device.

    Raises:
        ImageError: If a painting is missing or cannot be read.
        ArtifactError: If the weights cannot be downloaded or read, or end before the deepest layer.
    """

    def __init__(
        self,
        style: StyleBlend,
        settings: GatysSettings,
        weights: Path | None = None,
        *,
        network: FeatureNetwork | None = None,
        fast_network: FeatureNetwork | None = None,
        device: str = "auto",
    ) -> None:
        paintings = [read_painting(path) for path in style.paintings]
        self._style, self._settings = style, settings
        self._paintings = [image for image, _ in paintings]
        self.network = network or load_network(settings, weights, pick_device(device))
        self._fast_network = None
        if settings.precision == "bf16":
            self._fast_network = fast_network or bfloat16_copy(self.network)
        self._device = next(self.network.body.parameters()).device
        self._cached_grams: dict[tuple[int, bool], dict[str, Tensor]] = {}
        compute_in_one_thread_after_fork()
        self._identity = self._identify(tuple(digest for _, digest in paintings))

    @property
    def identity(self) -> StylizerIdentity:
        """`gatys:` and the style's name, a digest of the algorithm's version and the weights, and all settings."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`. A start from noise is the same noise for all photos of the same size.

        Raises:
            PhotoError: See `stylize_photo`.
        """
        return [self.stylize_photo(image) for image in images]

    def stylize_photo(self, photo: Image8, *, start: Image8 | None = None, on_step: OnStep | None = None) -> Image8:
        """Stylize one photo.

        Args:
            photo: uint8 [height, width, 3], RGB.
            start: Image to start from, of any size (it is resized); None to start as the settings say.
            on_step: Function that is called after every step.

        Returns:
            uint8 image of the photo's size.

        Raises:
            PhotoError: If the photo is too small for the network or too large for the memory, or the optimisation
                diverged.
        """
        photo = as_array(photo)
        check_size(self.network, self._settings, _size(photo))
        try:
            return self._optimize(photo, start, on_step)
        except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            height, width = _size(photo)
            raise PhotoError(
                f"{width}x{height} needs more memory than there is: make the photo smaller (--max-side)"
            ) from error

    def _optimize(self, photo: Image8, start: Image8 | None, on_step: OnStep | None) -> Image8:
        sizes = self.level_sizes(_size(photo))
        total_steps = self._settings.steps + (len(sizes) - 1) * self._settings.fine_steps
        image = self._start_image(photo, start, sizes[0])
        steps_before = 0
        for level, size in enumerate(sizes):
            content = self._to_unit(resize(photo, *size))
            if level:
                image = enlarge(image, size)
            steps = self._settings.fine_steps if level else self._settings.steps
            image = self._minimize(image, content, steps, _StepReporter(on_step, steps_before, total_steps))
            steps_before += steps
        return _to_image8(image)

    def _minimize(self, image: Tensor, content: Tensor, steps: int, reporter: _StepReporter) -> Tensor:
        """Do the steps of one level: the last ones in float32, those before in bfloat16 if the settings say so."""
        exact, settings = self._objective(content), self._settings
        fast_steps = steps - max(1, round(_EXACT_SHARE * steps)) if self._fast_network is not None else 0
        if not fast_steps:
            return optimize(image, exact, settings, steps, reporter)
        fast = self._objective(content, fast=True)
        if settings.optimizer == "adam":
            # Without a restart, whose first step would change every pixel by the whole learning rate.
            return optimize(
                image,
                lambda current: fast(current) if reporter.steps < fast_steps else exact(current),
                settings,
                steps,
                reporter,
            )
        # L-BFGS starts anew, because its history holds gradients of the other network. If it stopped early because of
        # rounding, the steps that are left are done in float32.
        image = optimize(image, fast, settings, fast_steps, reporter)
        return optimize(image, exact, settings, steps - reporter.steps, reporter)

    def _objective(self, content: Tensor, *, fast: bool = False) -> Objective:
        grams = self._style_grams(max(content.shape[2:]), fast=fast)
        return Objective(self._network(fast=fast), self._settings, content, grams, self._style.strength)

    def _network(self, *, fast: bool) -> FeatureNetwork:
        return self._fast_network if fast and self._fast_network is not None else self.network

    def level_sizes(self, size: Size) -> list[Size]:
        """Return the sizes (height, width) of the pyramid's levels for a photo of `size`, from small to large."""
        return level_sizes(size, self._settings.coarse_side_px, self.network.smallest_px)

    def _start_image(self, photo: Image8, start: Image8 | None, size: Size) -> Tensor:
        if start is not None:
            return self._to_unit(resize(as_array(start), *size))
        if self._settings.start == "content":
            return self._to_unit(resize(photo, *size))
        # The CPU's generator, because a GPU's would draw other noise from the same seed.
        generator = torch.Generator().manual_seed(self._settings.seed)
        return torch.rand((1, 3, *size), generator=generator).to(self._device)

    def _style_grams(self, longer_px: int, *, fast: bool = False) -> dict[str, Tensor]:
        """Return the paintings' Gram matrices for photos with this longer side; computed once for each network."""
        if (longer_px, fast) not in self._cached_grams:
            if len(self._cached_grams) >= _CACHED_SIZES:
                self._cached_grams.clear()
            smallest = self.network.smallest_px
            side = max(smallest, round(longer_px * self._settings.painting_scale))
            scaled = (resize(image, *painting_size(_size(image), side, smallest)) for image in self._paintings)
            self._cached_grams[longer_px, fast] = painting_grams(
                self._network(fast=fast),
                self._settings,
                map(self._to_unit, scaled),
                self._style.normalized_weights,
            )
        return self._cached_grams[longer_px, fast]

    def _to_unit(self, image: Image8) -> Tensor:
        """Convert a uint8 image to a tensor [1, 3, height, width] in [0, 1] on the network's device."""
        return ((torch.from_numpy(to_batch([image])) + 1) / 2).to(self._device)

    def _identify(self, digests: tuple[str, ...]) -> StylizerIdentity:
        vgg = weights_digest(self.network)
        settings: dict[str, Setting] = {
            **self._settings.as_dict(),
            "shares": ",".join(f"{weight:.17g}" for weight in self._style.normalized_weights),
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
    """Return the device of this name; `auto` is a GPU if torch finds one, else the CPU."""
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pick_precision(device: str = "auto") -> str:
    """Return the precision that is fastest on the device of this name, for `GatysSettings.precision`."""
    return "bf16" if has_fast_bfloat16(pick_device(device)) else "fp32"


class _StepReporter:
    """Called by `optimize` after each step: counts steps over phases and levels, and calls `on_step`.

    Attributes:
        steps: Number of steps that were done at this level.
    """

    def __init__(self, on_step: OnStep | None, steps_before: int, total_steps: int) -> None:
        self._on_step, self._steps_before, self._total_steps = on_step, steps_before, total_steps
        self.steps = 0

    def __call__(self, step: int, losses: Losses, image: Tensor) -> None:
        del step  # counts from 1 in each phase
        self.steps += 1
        if self._on_step is not None:
            terms = (float(losses.content), float(losses.style), float(losses.variation))
            number = self._steps_before + self.steps
            self._on_step(OptimizationStep(number, self._total_steps, *terms, current_image=lambda: _to_image8(image)))


def _to_image8(image: Tensor) -> Image8:
    [image8] = from_batch(to_signed(image.detach() * 255).cpu().numpy())
    return image8


def _size(image: Image8) -> Size:
    height, width = image.shape[:2]
    return height, width


def _is_out_of_memory(error: BaseException) -> bool:
    # The CPU's allocator raises a plain RuntimeError: "DefaultCPUAllocator: can't allocate memory".
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
