// The page: what people see and do. The work itself is done in worker.js.

import { sizeWithin } from "./arithmetic.js";
import { startCamera } from "./camera.js";
import { isolate } from "./isolate.js";

const element = (id) => document.getElementById(id);
const JPEG_QUALITY = 0.95;
const EXTENSIONS = { "image/jpeg": "jpg", "image/png": "png" };
const MEGA = 1e6;

if (await isolate()) await new Promise(() => {}); // the page is loaded again
const description = await (await fetch("page.json")).json();
const worker = new Worker("worker.js", { type: "module" });
const waiting = new Map();
let lastId = 0;
let wanted = null; // the file of the photo that was chosen last; it may still have to be read
let photo = null; // the file of the photo that is shown
let read = null; // {file, limit}: the photo that the worker has, and how many pixels it could have
let facts = null; // what the worker said about the filter that is open
let camera = null;
let turn = 0; // number of the newest photo or filter; older work is given up

/** Give the worker a task; resolves with its result. */
function ask(task, values = {}, { transfer = [], onTile = () => {} } = {}) {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject, onTile });
    worker.postMessage({ id, task, ...values }, transfer);
  });
}

worker.onmessage = ({ data: { id, result, error, progress, tile } }) => {
  const request = waiting.get(id);
  if (progress) return showProgress(progress);
  if (tile) return request.onTile(tile);
  waiting.delete(id);
  return error === undefined ? request.resolve(result) : request.reject(new Error(error));
};
worker.onerror = (event) => showError(`The page could not start: ${event.message ?? "this browser is too old for it"}.`);

function showProgress({ what, done, total }) {
  element("progress").hidden = false;
  element("progress").value = total ? done / total : 0;
  if (what === "load") say(`Loading: ${(done / MEGA).toFixed(1)} of ${(total / MEGA).toFixed(1)} MB`);
}

function say(text) {
  element("status").textContent = text;
}

function showError(text) {
  element("error").textContent = text;
  element("error").hidden = !text;
  if (text) element("progress").hidden = true;
}

/** Run a step of the work; errors are shown, and what a newer step has replaced is left silently. */
async function step(work) {
  const mine = ++turn;
  worker.postMessage({ task: "cancel", upTo: lastId });
  showError("");
  try {
    await work(() => mine === turn);
  } catch (error) {
    if (mine !== turn || error.message === "cancelled") return;
    showError(error.message);
    say(facts ? "Ready." : "");
  } finally {
    if (mine === turn) element("progress").hidden = true;
  }
}

const chosenNumber = () => Number(new FormData(element("controls")).get("filter") ?? 0);

/** Return how many pixels a photo may have for the chosen filter: fewer if it cannot be stylized in tiles. */
function pixelLimit() {
  const { max_pixels: most, whole_pixels: whole } = description.limits;
  return description.filters[chosenNumber()].can_tile ? most : whole;
}

async function openFilter() {
  const number = chosenNumber();
  const compute = element("compute").value;
  facts = null;
  say("Loading the filter …");
  facts = await ask("open", { description, number, compute });
  showAbout(description.filters[number]);
}

function showAbout(entry) {
  const where = facts.backend === "webgpu" ? "on the graphics card (WebGPU)" : "on the processor (WebAssembly)";
  const threads = facts.threads > 1 ? `, ${facts.threads} threads` : "";
  const precision = { int8: "8-bit", fp16: "float16", fp32: "float32" }[facts.precision];
  const gpu = facts.gpuProblem ? ` The graphics card could not be used: ${facts.gpuProblem}.` : "";
  element("about").textContent =
    `Filter ${entry.name}: ${precision} weights, computed ${where}${threads}. Licence: ${entry.licence}.` +
    `${entry.teacher ? ` Learned from ${entry.teacher}.` : ""}${gpu}`;
}

const readyText = () => (facts ? "Ready." : "");

/** Show the filter that was chosen, and stylize the photo again, if there is one. */
const changeFilter = () =>
  step(async (isNewest) => {
    await openFilter();
    if (!isNewest()) return;
    say(readyText());
    if (!wanted || camera) return;
    const isReady = photo === wanted && read.file === wanted && read.limit === pixelLimit();
    await (isReady ? stylize(isNewest) : readAndStylize(wanted, isNewest));
  });

const openPhoto = (file) =>
  step(async (isNewest) => {
    wanted = file; // before all waiting: if another filter is chosen meanwhile, that step reads the photo
    stopCamera();
    if (!facts) await openFilter();
    if (isNewest()) await readAndStylize(file, isNewest);
  });

async function readAndStylize(file, isNewest) {
  const { bitmap, height, width, note } = await readPhoto(file, isNewest);
  if (!isNewest()) {
    bitmap.close();
    return;
  }
  photo = file;
  showPhoto({ bitmap, height, width });
  await stylize(isNewest, note);
}

async function readPhoto(file, isNewest) {
  try {
    const size = await sizeOf(file);
    if (!isNewest()) throw new Error("cancelled"); // else the worker would read it after the photo of a newer step
    const limit = pixelLimit();
    const { resize, note } = fitting(size, file);
    const result = await ask("read", { file, resize });
    // The worker has this photo now, even if a newer step will show another one.
    read = { file, limit };
    element("save").disabled = true;
    return { ...result, note };
  } catch (error) {
    if (isNewest()) wanted = photo; // it cannot be read, so the one that is shown stays
    throw error;
  }
}

/** Return the size of a picture without decoding all of it. */
async function sizeOf(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => Object.assign(image, { onload: resolve, onerror: reject }));
    return { height: image.naturalHeight, width: image.naturalWidth };
  } catch {
    const name = file.name || "This file";
    throw new Error(`${name} is not a picture that this browser can read: choose a JPEG, PNG or WebP.`);
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** Decide whether a photo has to be made smaller, and say so. */
function fitting({ height, width }, file) {
  const { refused_pixels: refused, max_side_px: side } = description.limits;
  const pixels = height * width;
  if (pixels > refused) {
    const [has, may] = [Math.round(pixels / MEGA), Math.round(refused / MEGA)];
    throw new Error(`${file.name || "This photo"} has ${has} megapixels, but this page takes at most ${may}.`);
  }
  const [newHeight, newWidth] = sizeWithin(height, width, pixelLimit(), side);
  if (newHeight === height && newWidth === width) return { note: "" };
  const note = ` It was made smaller first, from ${width} x ${height} to ${newWidth} x ${newHeight} pixels.`;
  return { resize: { resizeHeight: newHeight, resizeWidth: newWidth, resizeQuality: "high" }, note };
}

function showView(height, width, isLive = false) {
  element("view").classList.toggle("live", isLive);
  for (const id of ["before", "after"]) Object.assign(element(id), { height, width });
  element("view").hidden = false;
  element("empty").hidden = true;
  element("stage").classList.add("filled");
}

function showPhoto({ bitmap, height, width }) {
  showView(height, width);
  element("before").getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

async function stylize(isNewest, note = "") {
  element("save").disabled = true;
  say("Stylizing …");
  const after = element("after").getContext("2d");
  const onTile = ({ bitmap, top, left }) => {
    if (!isNewest()) return;
    after.clearRect(left, top, bitmap.width, bitmap.height);
    after.drawImage(bitmap, left, top);
    bitmap.close();
  };
  const result = await ask("stylize", {}, { onTile });
  if (!isNewest()) return;
  Object.assign(facts, result);
  element("save").disabled = false;
  const { width, height } = element("after");
  say(`Done: ${width} x ${height} pixels in ${(result.ms / 1000).toFixed(1)} s.${note}`);
}

async function save() {
  const type = element("format").value;
  const blob = await ask("encode", { type, quality: JPEG_QUALITY, strength: element("strength").value / 100 });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${photo.name.replace(/\.[^.]*$/, "")}-stylized.${EXTENSIONS[type]}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function showStrength() {
  const percent = element("strength").value;
  element("after").style.opacity = percent / 100;
  element("strength-text").value = `${percent} %`;
}

function showSplit() {
  const share = element("split").value;
  element("view").style.setProperty("--split", `${share}%`);
  element("split").setAttribute("aria-valuetext", `${100 - share} % stylized`);
}

function stopCamera() {
  camera?.stop();
  camera = null;
  element("camera").textContent = "Use the camera";
  element("snap").hidden = true;
}

const toggleCamera = () =>
  step(async (isNewest) => {
    if (camera) {
      stopCamera();
      say(readyText());
      return;
    }
    if (!facts) await openFilter();
    const opened = await startCamera(element("video"), ask, { showView, say, showError });
    if (!isNewest()) {
      opened.stop();
      return;
    }
    camera = opened;
    wanted = photo = null;
    element("save").disabled = true;
    element("camera").textContent = "Stop the camera";
    element("snap").hidden = false;
  });

function buildFilters() {
  const group = element("filters");
  description.filters.forEach((entry, number) => {
    const label = document.createElement("label");
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "filter", value: number });
    radio.checked = number === 0;
    label.append(radio, entry.name);
    group.append(label);
  });
  group.hidden = description.filters.length === 1;
  element("compute-row").hidden = !description.filters.some(({ files }) => files.wasm && files.webgpu) || !navigator.gpu;
  document.title = element("title").textContent = description.title;
}

function listen() {
  const stage = element("stage");
  element("file").onchange = ({ target }) => {
    if (target.files[0]) openPhoto(target.files[0]);
    target.value = "";
  };
  document.ondragover = (event) => {
    event.preventDefault();
    stage.classList.add("over");
  };
  document.ondragleave = () => stage.classList.remove("over");
  document.ondrop = (event) => {
    event.preventDefault();
    stage.classList.remove("over");
    const file = event.dataTransfer.files[0];
    if (file) openPhoto(file);
    else showError("That was no file: drop a photo from a folder.");
  };
  document.onpaste = (event) => {
    const file = event.clipboardData.files[0];
    if (file) openPhoto(file);
  };
  element("filters").onchange = element("compute").onchange = changeFilter;
  element("strength").oninput = showStrength;
  element("split").oninput = showSplit;
  element("save").onclick = () => save().catch((error) => showError(error.message));
  element("camera").onclick = toggleCamera;
  element("snap").onclick = async () => openPhoto(await camera.picture());
  element("controls").onsubmit = (event) => event.preventDefault();
}

buildFilters();
listen();
showSplit();
await changeFilter();
