// Everything that takes time, away from the page: reading photos, stylizing them, writing files.
// The page sends {id, task, ...}; answers are {id, result} or {id, error}, with {progress} and {tile} in between.

import { blend, cropWithPadding, glimpse, joinRgba, layOnWhite, placeTile, splitAxis, splitRgba } from "./arithmetic.js";
import { gpuProblem, openFilter, openWithoutGpu } from "./runtime.js";

const STRIP_PIXELS = 2_000_000; // photos are copied in strips, because phones limit the size of a canvas
const MIN_TILE_MARGINS = 4;

let page = null;
let filter = null;
let photo = null; // {rgb, alpha, height, width}
let stylized = null;
let queue = Promise.resolve();
let cancelledUpTo = 0;

self.onmessage = ({ data }) => {
  if (data.task === "cancel") cancelledUpTo = data.upTo;
  else queue = queue.then(() => answer(data));
};

async function answer({ id, task, ...given }) {
  try {
    if (id <= cancelledUpTo) throw new Cancelled();
    const { result, transfer } = await TASKS[task](given, id);
    self.postMessage({ id, result }, transfer ?? []);
  } catch (error) {
    self.postMessage({ id, error: error instanceof Cancelled ? "cancelled" : describe(error) });
  }
}

class Cancelled extends Error {}

function describe(error) {
  const text = String(error?.message ?? error);
  if (error instanceof RangeError || /alloc|out of memory|memory access/i.test(text)) {
    return "This photo needs more memory than the browser has: choose a smaller one.";
  }
  return text;
}

const TASKS = { open, read, stylize, frame, encode };

async function open({ description, number, compute }, id) {
  page ??= description;
  const onProgress = (done, total) => self.postMessage({ id, progress: { what: "load", done, total } });
  await filter?.release();
  filter = null;
  filter = await openFilter(page, page.filters[number], compute, onProgress);
  return { result: filterFacts() };
}

function filterFacts() {
  const { backend, file, threads } = filter;
  return { backend, precision: file.precision, threads, gpuProblem: gpuProblem() };
}

/** Read a photo, at the given size if that is smaller. */
async function read({ file, resize }) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, resize ?? {});
  } catch {
    throw new Error(`${file.name || "This file"} is not a picture that this browser can read: choose a JPEG, PNG or WebP.`);
  }
  photo = pixelsOf(bitmap);
  stylized = null;
  return { result: { bitmap, height: photo.height, width: photo.width }, transfer: [bitmap] };
}

function pixelsOf(bitmap) {
  const { height, width } = bitmap;
  const rows = Math.min(height, Math.max(1, Math.floor(STRIP_PIXELS / width)));
  const context = canvasContext(width, rows);
  const rgb = new Uint8Array(height * width * 3);
  const alpha = new Uint8Array(height * width);
  let isOpaque = true;
  for (let top = 0; top < height; top += rows) {
    const strip = Math.min(rows, height - top);
    context.clearRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, -top);
    isOpaque = splitRgba(context.getImageData(0, 0, width, strip).data, rgb, alpha, top * width) && isOpaque;
  }
  return { rgb, alpha: isOpaque ? null : alpha, height, width };
}

function canvasContext(width, height) {
  return new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
}

/** Stylize the photo that was read last, with progress for each tile. */
async function stylize(_, id) {
  const started = performance.now();
  try {
    stylized = await stylizePhoto(id);
  } catch (error) {
    if (filter.backend !== "webgpu" || error instanceof Cancelled) throw error;
    filter = await openWithoutGpu(page, filter.entry, () => {}, error);
    stylized = await stylizePhoto(id);
  }
  return { result: { ...filterFacts(), ms: performance.now() - started } };
}

async function stylizePhoto(id) {
  const { rgb, height, width } = photo;
  const whole = new Uint8Array(rgb.length);
  const [rows, columns] = tiles(height, width);
  const total = rows.spans.length * columns.spans.length;
  filter.fix(filter.entry.glimpse_px ? glimpse(rgb, height, width) : null);
  let done = 0;
  for (const row of rows.spans) {
    for (const column of columns.spans) {
      const tile = cropWithPadding(rgb, height, width, row.start, rows.length, column.start, columns.length);
      placeTile(whole, width, await filter.run(tile, rows.length, columns.length), columns.length, row, column);
      await sendTile(id, whole, row, column);
      self.postMessage({ id, progress: { what: "stylize", done: ++done, total } });
      await new Promise((resolve) => setTimeout(resolve)); // lets a message such as "cancel" in
      if (id <= cancelledUpTo) throw new Cancelled();
    }
  }
  return whole;
}

/** Return the rows and columns of tiles: one of each for small photos, and for filters that need the whole photo. */
function tiles(height, width) {
  const { size_multiple: multiple, receptive_field_px: margin, can_tile: canTile } = filter.entry;
  const { untiled_pixels: small, tile_px: tile } = page.limits;
  if (!canTile || height * width <= small) return [whole(height), whole(width)];
  const side = Math.max(tile, MIN_TILE_MARGINS * margin);
  return [splitAxis(height, side, multiple, margin), splitAxis(width, side, multiple, margin)];
}

const whole = (size) => ({ length: size, spans: [{ start: 0, keepStart: 0, keepEnd: size }] });

async function sendTile(id, rgb, row, column) {
  const [height, width] = [row.keepEnd - row.keepStart, column.keepEnd - column.keepStart];
  const part = cropWithPadding(rgb, photo.height, photo.width, row.keepStart, height, column.keepStart, width);
  const alpha = photo.alpha && partOfAlpha(row, column);
  const bitmap = await createImageBitmap(new ImageData(joinRgba(part, alpha, 0, height * width), width, height));
  self.postMessage({ id, tile: { bitmap, top: row.keepStart, left: column.keepStart } }, [bitmap]);
}

function partOfAlpha(row, column) {
  const width = column.keepEnd - column.keepStart;
  const part = new Uint8Array((row.keepEnd - row.keepStart) * width);
  for (let y = row.keepStart; y < row.keepEnd; y++) {
    const from = y * photo.width;
    part.set(photo.alpha.subarray(from + column.keepStart, from + column.keepEnd), (y - row.keepStart) * width);
  }
  return part;
}

/** Stylize one frame of the camera. */
async function frame({ bitmap }) {
  const started = performance.now();
  const { rgb, height, width } = pixelsOf(bitmap);
  bitmap.close();
  filter.fix(filter.entry.glimpse_px ? glimpse(rgb, height, width) : null);
  const result = await filter.run(rgb, height, width);
  const rgba = joinRgba(result, null, 0, height * width);
  const painted = await createImageBitmap(new ImageData(rgba, width, height));
  return { result: { bitmap: painted, ms: performance.now() - started }, transfer: [painted] };
}

/** Write the stylized photo as a PNG or JPEG file. */
async function encode({ type, quality, strength }) {
  const { rgb, alpha, height, width } = photo;
  const result = blend(rgb, stylized, strength);
  const context = canvasContext(width, height);
  const rows = Math.max(1, Math.floor(STRIP_PIXELS / width));
  for (let top = 0; top < height; top += rows) {
    const strip = Math.min(rows, height - top);
    const rgba = joinRgba(result, alpha, top * width, strip * width);
    if (alpha && type === "image/jpeg") layOnWhite(rgba);
    context.putImageData(new ImageData(rgba, width, strip), 0, top);
  }
  return { result: await context.canvas.convertToBlob({ type, quality }) };
}
