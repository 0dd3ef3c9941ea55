"""The window: SDL's, by pygame-ce."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from pix2style.errors import ConfigError, require
from pix2style.images import Image8
from pix2style.images.stderr_text import caught_stderr
from pix2style.live.window import KeyPress, Overlay, SplitDrag, WindowClosed, WindowEvent
from pix2style.printable import one_line

_LINUX_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_STDERR_OF_WAYLAND = re.compile("error: XDG_RUNTIME_DIR")
_SMALLEST_WIDTH_PX = 640
_LEAST_WIDTH_PX = 160  # of upright frames, too
_LEAST_WIDTH_WITH_TEXT_PX = 120
_SHARE_OF_SCREEN = 0.85
_SMOOTH_PIXELS = 2_400_000  # larger windows are enlarged by repeating pixels, because smoothly it takes 40 ms
_REPEATED = ("up", "down", "left", "right")  # keys that repeat while they are held
_REPEAT_AFTER_MS, _REPEAT_EVERY_MS = 350, 60
_FIRST_LETTER_SCANCODE, _LETTERS = 4, "abcdefghijklmnopqrstuvwxyz"  # where a US keyboard has them
_FIRST_DIGIT_SCANCODE = 30  # of the key 1, whatever the keyboard's layout prints on it
_WHITE, _GREY, _RED, _BLACK = (255, 255, 255), (200, 200, 200), (230, 40, 40), (0, 0, 0)
_PANEL = (0, 0, 0, 170)
_MARGIN_PX = 10


class SdlWindow:
    """A window that can be resized, with text over the image.

    Args:
        title: Title of the window.
        height_px, width_px: Size of the frames, by which the size of the window is chosen.

    Raises:
        ConfigError: There is no display.
        MissingExtraError: pygame-ce is not installed.
    """

    is_visible = True

    def __init__(self, title: str, height_px: int, width_px: int) -> None:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        if sys.platform == "linux":
            # Without a GPU, Mesa would draw by OpenGL on the processor, which the filter needs, and set up a cache.
            os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        [self._pygame] = require("live", "pygame")
        self._open_display()
        pygame = self._pygame
        self._window_size = _fit(pygame.display.get_desktop_sizes()[0], height_px, width_px)
        self._set_mode(is_full_screen=False)
        pygame.display.set_caption(title)
        pygame.font.init()
        pygame.key.set_repeat(_REPEAT_AFTER_MS, _REPEAT_EVERY_MS)
        self._fonts: dict[int, Any] = {}
        self._image: Any = None
        self._image_rect = pygame.Rect(0, 0, 1, 1)
        self._drawn: tuple[object, ...] = ()
        self._held: set[int] = set()

    def show(self, image: Image8 | None, overlay: Overlay, *, is_full_screen: bool) -> Sequence[WindowEvent]:
        """Draw what has changed, and return what happened; see `window.Window`."""
        pygame = self._pygame
        if is_full_screen != self._is_full_screen:
            self._set_mode(is_full_screen=is_full_screen)
        if image is not None:
            height, width = image.shape[:2]
            self._image = pygame.image.frombytes(image.tobytes(), (width, height), "RGB")
        surface = pygame.display.get_surface()
        drawn = (overlay, surface.get_size())
        if image is not None or drawn != self._drawn:
            self._drawn = drawn
            self._draw(surface, overlay)
            pygame.display.flip()
        return [event for event in map(self._translate, pygame.event.get()) if event is not None]

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()

    def _open_display(self) -> None:
        pygame = self._pygame
        asked = os.environ.get("SDL_VIDEODRIVER")
        if sys.platform == "linux" and not asked and not any(map(os.environ.get, _LINUX_DISPLAYS)):
            raise ConfigError(_no_display("neither DISPLAY nor WAYLAND_DISPLAY is set"))
        try:
            with caught_stderr(_STDERR_OF_WAYLAND):
                pygame.display.init()
        except pygame.error as error:
            raise ConfigError(_no_display(str(error))) from error
        # Without a display SDL draws into memory, which nobody sees.
        if pygame.display.get_driver() in ("dummy", "offscreen", "evdev") and not asked:
            pygame.display.quit()
            raise ConfigError(_no_display("SDL cannot reach one"))

    def _set_mode(self, *, is_full_screen: bool) -> None:
        pygame = self._pygame
        self._is_full_screen = is_full_screen
        try:
            if is_full_screen:
                self._window_size = pygame.display.get_surface().get_size()
                pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
            else:
                pygame.display.set_mode(self._window_size, pygame.RESIZABLE)
        except pygame.error as error:
            raise ConfigError(_no_display(str(error))) from error

    def _draw(self, surface: Any, overlay: Overlay) -> None:
        surface.fill(_BLACK)
        if self._image is not None:
            self._image_rect = self._image.get_rect().fit(surface.get_rect())
            surface.blit(self._scaled(self._image_rect.size), self._image_rect)
        if overlay.split is not None and self._image is not None:
            self._draw_split(surface, overlay.split)
        if surface.get_width() < _LEAST_WIDTH_WITH_TEXT_PX:
            return
        if overlay.lines:
            self._draw_panel(surface, [[(line, _WHITE)] for line in overlay.lines], "topleft")
        if overlay.is_recording:
            self._draw_panel(surface, [[("REC", _RED)]], "topright")
        if overlay.message:
            self._draw_panel(surface, [[(overlay.message, _WHITE)]], "midbottom")
        if overlay.help:
            rows = [[(key, _WHITE), (meaning, _GREY)] for key, meaning in overlay.help]
            self._draw_panel(surface, rows, "center")

    def _scaled(self, size: tuple[int, int]) -> Any:
        if self._image.get_size() == size:
            return self._image
        transform = self._pygame.transform
        return (transform.smoothscale if size[0] * size[1] <= _SMOOTH_PIXELS else transform.scale)(self._image, size)

    def _draw_split(self, surface: Any, split: float) -> None:
        rect = self._image_rect
        x = rect.left + round(split * rect.width)
        self._pygame.draw.line(surface, _BLACK, (x - 1, rect.top), (x - 1, rect.bottom), 3)
        self._pygame.draw.line(surface, _WHITE, (x, rect.top), (x, rect.bottom), 1)
        self._pygame.draw.circle(surface, _BLACK, (x, rect.centery), 9)
        self._pygame.draw.circle(surface, _WHITE, (x, rect.centery), 8, 2)

    def _draw_panel(self, surface: Any, rows: list[list[tuple[str, tuple[int, int, int]]]], place: str) -> None:
        """Draw rows of coloured texts, aligned in columns, on a dark panel at a place of the surface."""
        font = self._font(surface.get_height())
        wrap_px = max(1, surface.get_width() - 4 * _MARGIN_PX)
        texts = [[font.render(text, True, colour, None, wrap_px) for text, colour in row] for row in rows]
        widths = [max(row[column].get_width() for row in texts) for column in range(len(rows[0]))]
        heights = [max(text.get_height() for text in row) for row in texts]
        gap = 2 * _MARGIN_PX
        size = (sum(widths) + gap * (len(widths) - 1) + gap, sum(heights) + gap)
        panel = self._pygame.Surface(size, self._pygame.SRCALPHA)
        panel.fill(_PANEL)
        top = _MARGIN_PX
        for row, height in zip(texts, heights, strict=True):
            left = _MARGIN_PX
            for text, width in zip(row, widths, strict=True):
                panel.blit(text, (left, top))
                left += width + gap
            top += height
        area = surface.get_rect().inflate(-2 * _MARGIN_PX, -2 * _MARGIN_PX)
        surface.blit(panel, panel.get_rect(**{place: getattr(area, place)}))

    def _font(self, height_px: int) -> Any:
        size = max(15, height_px // 34)
        if size not in self._fonts:
            self._fonts[size] = self._pygame.font.Font(None, round(size * 1.3))
        return self._fonts[size]

    def _translate(self, event: Any) -> WindowEvent | None:
        """Return what an event of SDL means; None for those that mean nothing here."""
        pygame = self._pygame
        if event.type == pygame.QUIT:
            return WindowClosed()
        if event.type == pygame.KEYUP:
            self._held.discard(event.key)
        if event.type == pygame.KEYDOWN:
            name = self._key_name(event)
            is_repeated = event.key in self._held
            self._held.add(event.key)
            return KeyPress(name) if name in _REPEATED or not is_repeated else None
        is_press = event.type == pygame.MOUSEBUTTONDOWN and event.button == 1
        if is_press or (event.type == pygame.MOUSEMOTION and event.buttons[0]):
            rect = self._image_rect
            return SplitDrag(min(max((event.pos[0] - rect.left) / max(1, rect.width), 0.0), 1.0))
        return None

    def _key_name(self, event: Any) -> str:
        pygame = self._pygame
        names = {
            pygame.K_UP: "up",
            pygame.K_DOWN: "down",
            pygame.K_LEFT: "left",
            pygame.K_RIGHT: "right",
            pygame.K_ESCAPE: "escape",
            pygame.K_TAB: "shift tab" if event.mod & pygame.KMOD_SHIFT else "tab",
        }
        digit = event.scancode - _FIRST_DIGIT_SCANCODE + 1
        if event.key in names:
            return names[event.key]
        if 1 <= digit <= 9:
            return str(digit)
        letter = event.scancode - _FIRST_LETTER_SCANCODE
        if not event.unicode.isascii() and 0 <= letter < len(_LETTERS):
            return _LETTERS[letter]
        return str(event.unicode).lower()


def _fit(screen: tuple[int, int], height_px: int, width_px: int) -> tuple[int, int]:
    """Return the width and height of the window: those of the frames, if they fit on the screen and are not tiny."""
    enlarged = max(1.0, _SMALLEST_WIDTH_PX / width_px)
    scale = min(enlarged, _SHARE_OF_SCREEN * screen[0] / width_px, _SHARE_OF_SCREEN * screen[1] / height_px)
    return max(min(_LEAST_WIDTH_PX, screen[0]), round(width_px * scale)), max(1, round(height_px * scale))


def _no_display(reason: str) -> str:
    return (
        f"there is no display for a window ({one_line(reason)}): run it on a machine with a screen, or add --no-window,"
        " for example with --record or --virtual-camera"
    )
