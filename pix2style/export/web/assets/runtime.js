// Loads ONNX Runtime Web and one filter at a time, on the graphics card (WebGPU) or on the processor (WebAssembly).

const HERE = new URL("./", import.meta.url);
const MAX_THREADS = 4;
const WARM_UP_MS = 1500;
const [SMALLEST_WARM_UP_PX, LARGEST_WARM_UP_PX] = [32, 512];
const ERRORS_ONLY = 3;

const loaded = {}; // ONNX Runtime Web by the name of the backend
const warm = new Set(); // backends that are compiled for speed already
let gpuFailure = "";

/** Fetch a file of the page and report how many of its bytes are there. */
async function fetchBytes({ path, bytes }, onProgress) {
  const response = await fetch(new URL(path, HERE));
  if (!response.ok) throw new Error(`${path} could not be loaded (${response.status}): is the page's folder complete?`);
  const parts = [];
  let done = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    onProgress((done += part.value.length), bytes);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Load ONNX Runtime Web for a backend, once. The browser loads only the files of the backend that it uses. */
async function loadRuntime(backend, files, onProgress) {
  if (loaded[backend]) return loaded[backend];
  const ort = await import(new URL(files.script.path, HERE));
  ort.env.wasm.wasmPaths = { mjs: new URL(files.loader.path, HERE).href };
  ort.env.wasm.wasmBinary = (await fetchBytes(files.binary, onProgress)).buffer;
  // Threads share memory, which browsers allow only on pages that their host isolates from others.
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(MAX_THREADS, navigator.hardwareConcurrency) : 1;
  ort.env.logLevel = "error";
  loaded[backend] = ort;
  return ort;
}

/** Return whether there is a graphics card that WebGPU can use; an emulated one counts only if it was asked for. */
async function hasGpu(emulatedToo) {
  try {
    const adapter = await navigator.gpu?.requestAdapter();
    return Boolean(adapter) && (emulatedToo || !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter));
  } catch {
    return false;
  }
}

async function chooseBackend(files, compute) {
  const canUseGpu = files.webgpu && compute !== "wasm" && !gpuFailure;
  return canUseGpu && (!files.wasm || (await hasGpu(compute === "webgpu"))) ? "webgpu" : "wasm";
}

/** A filter that is ready to run. */
export class Filter {
  constructor(ort, session, entry, backend) {
    this.ort = ort;
    this.session = session;
    this.entry = entry;
    this.backend = backend;
    this.file = entry.files[backend];
    this.threads = backend === "wasm" ? ort.env.wasm.numThreads : 1;
  }

  /** Stylize RGB bytes. All inputs but the photo are fixed before, see `fix`. */
  async run(rgb, height, width) {
    const photo = new this.ort.Tensor("uint8", rgb, [1, height, width, 3]);
    const { stylized } = await this.session.run({ photo, ...this.fixed });
    return stylized.data;
  }

  /** Set the inputs that stay the same for all tiles of a photo. */
  fix(glimpse) {
    const { Tensor } = this.ort;
    const side = this.entry.glimpse_px;
    this.fixed = {};
    if (side) this.fixed.glimpse = new Tensor("uint8", glimpse, [1, side, side, 3]);
    if (this.session.inputNames.includes("strength")) this.fixed.strength = new Tensor("float32", Float32Array.of(1));
    if (this.entry.style) this.fixed.style = new Tensor("float32", Float32Array.from(this.entry.style));
  }

  async release() {
    await this.session.release();
  }
}

/** Open a filter on the backend that fits: `compute` is "auto", "webgpu" or "wasm". */
export async function openFilter(page, entry, compute, onProgress) {
  const backend = await chooseBackend(entry.files, compute);
  try {
    return await openOn(backend, page, entry, onProgress);
  } catch (error) {
    if (backend !== "webgpu") throw error;
    return openWithoutGpu(page, entry, onProgress, error);
  }
}

/** Open a filter on the processor, from now on, because the graphics card failed. */
export async function openWithoutGpu(page, entry, onProgress, error) {
  gpuFailure = String(error?.message ?? error).split("\n")[0].slice(0, 200) || "unknown error";
  return openOn("wasm", page, entry, onProgress);
}

export const gpuProblem = () => gpuFailure;

async function openOn(backend, page, entry, onProgress) {
  const file = entry.files[backend];
  const ort = await loadRuntime(backend, page.runtime[backend], onProgress);
  const data = await fetchBytes(file, () => {});
  const session = await ort.InferenceSession.create(data, {
    executionProviders: [backend],
    logSeverityLevel: ERRORS_ONLY,
  });
  const filter = new Filter(ort, session, entry, backend);
  await warmUp(filter);
  return filter;
}

/**
 * Run a new filter on black squares, so that the first photo is quicker.
 *
 * Browsers compile WebAssembly quickly at first, and compile code that runs often once more, for speed. This takes
 * about 1.5 seconds, once for all filters. To take no longer on slow machines, squares grow only while there is time.
 */
async function warmUp(filter) {
  filter.fix(new Uint8Array(filter.entry.glimpse_px ** 2 * 3));
  const end = performance.now() + (filter.backend === "wasm" && !warm.has("wasm") ? WARM_UP_MS : 0);
  let took = 0;
  for (let side = SMALLEST_WARM_UP_PX; took === 0 || performance.now() + took < end; ) {
    const started = performance.now();
    await filter.run(new Uint8Array(side ** 2 * 3), side, side);
    took = performance.now() - started;
    if (side < LARGEST_WARM_UP_PX && performance.now() + 8 * took < end) side *= 2;
  }
  warm.add(filter.backend);
}
