"""Choose container, codec, encoder and pixel format for an output, and say what is not as a person may expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from pix2style.errors import ConfigError
from pix2style.video.clip import ClipColour, ClipFacts
from pix2style.video.codecs import DISPLAY_NAMES, ENCODERS, OTHER_NAMES, VideoEncoder, working_encoders
from pix2style.video.colour import matrix_of
from pix2style.video.containers import CONTAINERS, VideoContainer
from pix2style.video.lossless import lossless_encoder
from pix2style.video.settings import VideoSettings
from pix2style.video.to_encoder import SWSCALE_MATRICES

# A fixed number, because x264 and libvpx write other bytes with another number of threads.
_THREADS = 4
_BT709 = ClipColour(full_range=False, matrix=1, primaries=1, transfer=1)
_RGB_MATRIX = 0
# What MPEG-4 and AV1 can state.
_LARGEST_RATE_NUMBER = 65535
_HIGHEST_RATE = Fraction(240)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A codec, its encoder, and notes about them."""

    codec: str
    encoder: VideoEncoder
    notes: list[str]


def choose_settings(
    source: ClipFacts, out: Path, *, codec: str | None = None, crf: int | None = None, lossless: bool = False
) -> tuple[VideoSettings, list[str]]:
    """Choose how a clip is written.

    Args:
        source: The clip that is stylized.
        out: Path of the output, whose suffix names the container.
        codec: Name of the codec, for example `h264`, or of an encoder of FFmpeg, for example `libx264`; None chooses
            one for the container.
        crf: Quality in the units of the codec; lower is better. None takes the default.
        lossless: Whether frames are encoded without loss.

    Returns:
        The settings, and notes about what a person may not expect.

    Raises:
        ConfigError: The suffix is none of a container that can be written, the codec does not fit it or cannot be
            encoded here, or `crf` does not fit the codec.
    """
    container = container_of(out)
    if lossless and crf is not None:
        raise ConfigError(f"--crf {crf}: --lossless has no quality: leave out one of them")
    if lossless:
        name = None if codec is None else _named(codec, container, out)[0]
        choice = _Choice(*lossless_encoder(container, name, has_alpha=source.has_alpha))
    elif codec is None:
        choice = _default(container, has_alpha=source.has_alpha)
    else:
        choice = _Choice(*_named(codec, container, out), [])
    encoder = choice.encoder
    has_alpha = source.has_alpha and encoder.alpha_format is not None and container.alpha_codec is not None
    aspect = _upright_aspect(source) if not container.is_mp4 else source.pixel_aspect
    can_state = container.is_mp4 or encoder.states_aspect
    settings = VideoSettings(
        suffix=container.suffix,
        codec=choice.codec,
        encoder=encoder.name,
        pixel_format=encoder.alpha_format if has_alpha and encoder.alpha_format else encoder.pixel_format,
        odd_pixel_format=encoder.odd_format,
        options=_options(choice, crf),
        threads=_THREADS,
        time_base_s=source.time_base_s,
        frame_rate=_nominal_rate(source.frame_rate),
        pixel_aspect=aspect if can_state else Fraction(1),
        stretch=Fraction(1) if can_state else aspect,
        rotation_deg=source.rotation_deg if container.is_mp4 else 0,
        is_mirrored=source.is_mirrored and container.is_mp4,
        colour=_output_colour(source, encoder),
        has_alpha=has_alpha,
    )
    return settings, choice.notes + _alpha_notes(source, settings) + _aspect_notes(settings)


def container_of(out: Path) -> VideoContainer:
    """Return the container that the suffix of an output names.

    Raises:
        ConfigError: It names none that can be written.
    """
    container = CONTAINERS.get(out.suffix.lower())
    if container is None:
        what = f"{out.suffix} files are not written" if out.suffix else "its name has no suffix"
        raise ConfigError(f"{out}: {what}: let the name of a clip end in {_listed(list(CONTAINERS))}")
    return container


def _default(container: VideoContainer, *, has_alpha: bool) -> _Choice:
    """Return the first codec of a container that can be encoded here, and say where it is not the usual one."""
    usual = (container.alpha_codec if has_alpha else None) or container.codecs[0]
    for codec in dict.fromkeys((usual, *container.codecs)):
        for encoder in working_encoders(codec)[:1]:
            usual_encoder = ENCODERS[usual][0].name
            notes = []
            if encoder.name != usual_encoder:
                name = f"{DISPLAY_NAMES[codec]} by {encoder.name}"
                notes = [f"is written as {name}, because this computer's FFmpeg lacks {usual_encoder}"]
            return _Choice(codec, encoder, notes)
    raise ConfigError(f"this computer's FFmpeg has no encoder for {container.suffix}: let OUT end in another suffix")


def _named(name: str, container: VideoContainer, out: Path) -> tuple[str, VideoEncoder]:
    """Return the codec and the encoder that a person named."""
    lower = name.lower()
    codec = OTHER_NAMES.get(lower, lower)
    encoders = working_encoders(codec) if codec in ENCODERS else []
    for key, candidates in ENCODERS.items():
        for encoder in candidates:
            if encoder.name == lower:
                codec, encoders = key, [other for other in working_encoders(key) if other.name == lower]
    if codec not in ENCODERS:
        raise ConfigError(f"--codec {name}: is not among those that clips are written with: {_listed(list(ENCODERS))}")
    if codec not in container.codecs:
        others = [other.suffix for other in CONTAINERS.values() if codec in other.codecs]
        raise ConfigError(
            f"--codec {name} does not fit {out}: {container.suffix} holds {_listed(container.codecs, 'and')},"
            f" and {_listed(others)} {'holds' if len(others) == 1 else 'hold'} {codec}"
        )
    if not encoders:
        possible = [other for other in container.codecs if working_encoders(other)]
        raise ConfigError(f"--codec {name}: this computer's FFmpeg cannot encode it: take {_listed(possible)}")
    return codec, encoders[0]


def _options(choice: _Choice, crf: int | None) -> tuple[tuple[str, str], ...]:
    """Return the options of the encoder."""
    options, quality = dict(choice.encoder.options), choice.encoder.quality
    if quality is None:
        if crf is not None:
            raise ConfigError(f"--crf {crf}: {choice.encoder.name} has no such setting: leave it out")
    else:
        if crf is not None and not quality.lowest <= crf <= quality.highest:
            raise ConfigError(
                f"--crf {crf}: is out of range: {choice.codec} takes {quality.lowest} (best) to {quality.highest}"
            )
        options |= dict.fromkeys(quality.options, str(quality.default if crf is None else crf))
    return tuple(sorted(options.items()))


def _nominal_rate(rate: Fraction) -> Fraction:
    """Return the frame rate that is stated: one that all encoders can state. The frames keep their own times."""
    rate = min(max(rate, Fraction(1, 10)), _HIGHEST_RATE)
    return rate.limit_denominator(max(1, min(1001, _LARGEST_RATE_NUMBER // (int(rate) + 1))))


def _upright_aspect(source: ClipFacts) -> Fraction:
    """Return the shape of the pixels of upright frames, which lie on their side if the stored frames do."""
    return source.pixel_aspect if source.rotation_deg % 180 == 0 else 1 / source.pixel_aspect


def _output_colour(source: ClipFacts, encoder: VideoEncoder) -> ClipColour:
    """Return the meaning of the pixel values that are written.

    It is that of the source. A matrix that the source does not state is stated, because players guess it from the size
    of the frames, which may become another one. HDR has been tone-mapped.
    """
    colour = _BT709 if source.is_hdr else source.colour
    if encoder.is_rgb:
        return replace(colour, full_range=True, matrix=_RGB_MATRIX)
    stated = colour.matrix in SWSCALE_MATRICES
    matrix = colour.matrix if stated else matrix_of(colour, source.width_px, source.height_px)
    return replace(colour, full_range=colour.full_range and encoder.is_full_range_possible, matrix=matrix)


def _alpha_notes(source: ClipFacts, settings: VideoSettings) -> list[str]:
    """Say that transparency is lost, and how to keep it."""
    if not source.has_alpha or settings.has_alpha:
        return []
    keeping = [
        f"{container.suffix} ({_listed(codecs)})"
        for container in CONTAINERS.values()
        if container.alpha_codec
        if (codecs := [codec for codec in container.codecs if any(e.alpha_format for e in working_encoders(codec))])
    ]
    kept = f": {_listed(keeping)} keeps it" if keeping else ""
    return [f"loses its transparency, which {settings.codec} in {settings.suffix} does not hold{kept}"]


def _aspect_notes(settings: VideoSettings) -> list[str]:
    """Say that frames are stretched."""
    if settings.stretch == 1:
        return []
    what = f"whose width and height are as {settings.stretch.numerator} to {settings.stretch.denominator}"
    return [f"has pixels {what}: stretched to square ones, as {settings.suffix} cannot say it with {settings.codec}"]


def _listed(names: Sequence[str], conjunction: str = "or") -> str:
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}" if len(names) > 1 else names[0]
