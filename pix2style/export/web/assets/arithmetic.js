// Arithmetic on pixels, as in pix2style's Python code: glimpse, tiles, strength. No browser is needed for it.
// Photos are Uint8Array [height * width * 3], RGB, in rows.

const CELLS = 24;
const PATCH = 4;
export const GLIMPSE_SIDE = CELLS * PATCH;

/** Return the rows (or columns) of a photo that its glimpse consists of (images/glimpse.py). */
export function glimpseIndices(size) {
  const indices = [];
  for (let cell = 0; cell < CELLS; cell++) {
    const middle = Math.floor(((2 * cell + 1) * size) / (2 * CELLS));
    for (let offset = -PATCH / 2; offset < PATCH / 2; offset++) {
      indices.push(Math.min(Math.max(middle + offset, 0), size - 1));
    }
  }
  return indices;
}

/** Return the glimpse of a photo: small patches from all over it, from which the filter takes its global context. */
export function glimpse(rgb, height, width) {
  const columns = glimpseIndices(width);
  const result = new Uint8Array(GLIMPSE_SIDE * GLIMPSE_SIDE * 3);
  let to = 0;
  for (const row of glimpseIndices(height)) {
    for (const column of columns) {
      const from = (row * width + column) * 3;
      result[to++] = rgb[from];
      result[to++] = rgb[from + 1];
      result[to++] = rgb[from + 2];
    }
  }
  return result;
}

const roundUp = (size, multiple) => Math.ceil(size / multiple) * multiple;

/** Split an axis into tiles of equal length whose kept pixels lie far enough from every cut (runtime/tiles.py). */
export function splitAxis(size, tile, multiple, receptiveField) {
  const padded = roundUp(size, multiple);
  const margin = roundUp(receptiveField, multiple);
  const count = Math.max(1, Math.ceil((padded - 2 * margin) / roundUp(tile, multiple)));
  if (count === 1) return { length: padded, spans: [{ start: 0, keepStart: 0, keepEnd: size }] };
  const step = roundUp(Math.ceil((padded - 2 * margin) / count), multiple);
  const length = step + 2 * margin;
  const spans = [];
  let keepStart = 0;
  for (let number = 0; number < count; number++) {
    const start = Math.min(number * step, padded - length);
    const keepEnd = number === count - 1 ? size : Math.min(start + length - margin, size);
    if (keepStart < size) spans.push({ start, keepStart, keepEnd });
    keepStart = number === count - 1 ? size : start + length - margin;
  }
  return { length, spans };
}

/** Crop a photo; beyond its border repeat the last row or column, as filters themselves pad. */
export function cropWithPadding(rgb, height, width, top, cropHeight, left, cropWidth) {
  if (top === 0 && left === 0 && cropHeight === height && cropWidth === width) return rgb;
  const result = new Uint8Array(cropHeight * cropWidth * 3);
  const inside = Math.min(cropWidth, width - left);
  for (let row = 0; row < cropHeight; row++) {
    const from = (Math.min(top + row, height - 1) * width + left) * 3;
    const to = row * cropWidth * 3;
    result.set(rgb.subarray(from, from + inside * 3), to);
    for (let at = to + inside * 3; at < to + cropWidth * 3; at++) result[at] = result[at - 3];
  }
  return result;
}

/** Copy the kept part of a stylized tile to its place in the whole image. */
export function placeTile(whole, width, tile, tileWidth, row, column) {
  const bytes = (column.keepEnd - column.keepStart) * 3;
  for (let y = row.keepStart; y < row.keepEnd; y++) {
    const from = ((y - row.start) * tileWidth + column.keepStart - column.start) * 3;
    whole.set(tile.subarray(from, from + bytes), (y * width + column.keepStart) * 3);
  }
}

/** Round to the nearest whole number, and halves to the even one, as numpy does. */
function roundHalfToEven(value) {
  const floor = Math.floor(value);
  const part = value - floor;
  return part > 0.5 || (part === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Compute round(photo + strength * (stylized - photo)) in float32, as filter files do (runtime/strength.py). */
export function blend(photo, stylized, strength) {
  if (strength === 1) return stylized;
  const share = Math.fround(strength);
  const result = new Uint8Array(photo.length);
  for (let i = 0; i < photo.length; i++) {
    result[i] = roundHalfToEven(Math.fround(photo[i] + Math.fround((stylized[i] - photo[i]) * share)));
  }
  return result;
}

/** Return the largest size of the same shape that keeps to a number of pixels and to a longest side. */
export function sizeWithin(height, width, maxPixels, maxSide) {
  const scale = Math.min(1, Math.sqrt(maxPixels / (height * width)), maxSide / Math.max(height, width));
  return [Math.max(1, Math.floor(height * scale)), Math.max(1, Math.floor(width * scale))];
}

/** Look at RGBA bytes as one number for each pixel, alpha in its highest byte: all browsers are little-endian. */
const asPixels = (rgba) => new Uint32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4);

/** Split RGBA bytes into RGB, at a place of a larger photo, and alpha; hidden colours of clear pixels become white. */
export function splitRgba(rgba, rgb, alpha, firstPixel) {
  const pixels = asPixels(rgba);
  let allAlphas = 255;
  for (let i = 0, to = firstPixel * 3; i < pixels.length; i++, to += 3) {
    const pixel = pixels[i] >>> 24 === 0 ? 0xffffff : pixels[i];
    rgb[to] = pixel & 255;
    rgb[to + 1] = (pixel >>> 8) & 255;
    rgb[to + 2] = (pixel >>> 16) & 255;
    alpha[firstPixel + i] = pixel >>> 24;
    allAlphas &= pixel >>> 24;
  }
  return allAlphas === 255;
}

/** Return RGBA bytes of pixels of a photo; `alpha` is null where all of it is opaque. */
export function joinRgba(rgb, alpha, firstPixel, pixels) {
  const rgba = new Uint8ClampedArray(pixels * 4);
  const joined = asPixels(rgba);
  for (let i = 0, from = firstPixel * 3; i < pixels; i++, from += 3) {
    const share = alpha === null ? 255 : alpha[firstPixel + i];
    joined[i] = rgb[from] | (rgb[from + 1] << 8) | (rgb[from + 2] << 16) | (share << 24);
  }
  return rgba;
}

/** Lay pixels on white, in place, for formats without transparency. */
export function layOnWhite(rgba) {
  for (let at = 0; at < rgba.length; at += 4) {
    const share = rgba[at + 3] / 255;
    for (let c = at; c < at + 3; c++) rgba[c] = roundHalfToEven(rgba[c] * share + 255 * (1 - share));
    rgba[at + 3] = 255;
  }
}
