// The tab Train: a painting and photos become a filter, which is shown while it learns.

import {setFilters} from "/page/choice.js";
import {renewTiles} from "/page/photo.js";
import {follow, onFiles, upload} from "/page/files.js";
import {askJson, post, say} from "/page/requests.js";

const part = (id) => document.getElementById(id);
let painting = null, photos = [], job = null, shownPreview = 0;
const advice = {}; // what stands beside the drop areas as long as they are empty

export function beginTrain(missing) {
  if (missing) {
    part("train-missing").textContent = missing;
    part("train-missing").hidden = false;
    part("train-content").hidden = true;
    return;
  }
  for (const id of ["train-painting-name", "train-photos-name"]) advice[id] = part(id).textContent;
  onFiles(part("train-painting-drop"), takePainting);
  onFiles(part("train-photos-drop"), takePhotos);
  part("train-controls").addEventListener("submit", (event) => { event.preventDefault(); start({painting: painting?.id ?? null, photos: photos.map((photo) => photo.id)}); });
  part("train-go-on").addEventListener("click", () => start({go_on: job.id}));
  part("train-stop").addEventListener("click", stop);
  takeUp();
}

// Go on showing a training that was begun before the page was loaded anew.
async function takeUp() {
  const id = localStorage.getItem("training");
  if (!id) return;
  try {
    job = await askJson(`/api/jobs/${id}`);
  } catch {
    localStorage.removeItem("training"); // it was of another studio
    return;
  }
  await followTraining();
}

async function takePainting([file]) {
  say("Reading the painting …");
  try {
    painting = await upload("photos", file);
    part("train-painting-name").textContent = painting.name;
    part("train-painting-view").src = `/api/photos/${painting.id}/screen`;
    part("train-painting-view").hidden = false;
    say("");
  } catch (error) {
    say(error.message, true);
  }
}

async function takePhotos(files) {
  const failed = [];
  for (const [number, file] of files.entries()) {
    say(`Reading photo ${number + 1} of ${files.length} …`);
    try {
      photos.push(await upload("photos", file));
    } catch (error) {
      failed.push(error.message);
    }
    part("train-photos-name").textContent = photos.length === 1 ? "1 photo" : `${photos.length} photos`;
  }
  say(failed.join(" "), failed.length > 0);
}

async function start(order) {
  part("train-result").textContent = "";
  try {
    job = await (await post("/api/trainings", {...order, minutes: Number(part("train-minutes").value)})).json();
    localStorage.setItem("training", job.id);
  } catch (error) {
    if (error.status === 404 && !order.go_on) forget(error.message.startsWith("the painting") ? "painting" : "photos");
    say(error.message, true);
    return;
  }
  await followTraining();
}

// The studio has deleted them, so it would refuse the same order again.
function forget(what) {
  if (what === "painting") {
    painting = null;
    part("train-painting-view").hidden = true;
  } else {
    photos = [];
  }
  const id = `train-${what}-name`;
  part(id).textContent = advice[id];
}

async function followTraining() {
  try {
    job = await follow(job, show);
    if (job.state === "done") await takeFilter();
  } catch (error) {
    say(error.message, true);
  }
}

async function stop() {
  try {
    show(await askJson(`/api/jobs/${job.id}/stop`, {method: "POST"}));
    part("train-stop").textContent = "End at once";
  } catch (error) {
    say(error.message, true);
  }
}

function show(state) {
  const isRunning = ["running", "stopping"].includes(state.state), isStopping = state.state === "stopping";
  part("train-start").hidden = isRunning;
  part("train-stop").hidden = !isRunning;
  if (!isStopping) part("train-stop").textContent = "Stop, I like it";
  part("train-go-on").hidden = isRunning || state.state === "failed";
  part("train-download").hidden = !state.has_result;
  part("train-progress").hidden = !isRunning;
  part("train-progress").querySelector("progress").value = state.share ?? 0;
  part("train-progress").querySelector("span").textContent = isStopping ? "writing the filter …" : state.message;
  part("train-log").hidden = !state.lines.length;
  const log = part("train-log").querySelector("pre");
  log.textContent = state.lines.join("\n");
  log.scrollTop = log.scrollHeight;
  if (state.preview && state.preview !== shownPreview) {
    shownPreview = state.preview;
    part("train-preview").src = `/api/jobs/${state.id}/preview?${state.preview}`;
  }
  part("train-view").hidden = !state.preview;
  if (state.state === "failed") say(state.message, true);
  if (state.state === "stopped") say("The training was ended before there was a filter.");
}

async function takeFilter() {
  const studio = await askJson("/api/studio"), figures = job.figures;
  setFilters(studio.filters);
  renewTiles();
  part("train-download").href = `/api/jobs/${job.id}/result`;
  const quality = figures.psnr_db ? ` PSNR to the teacher on held-out photos: ${figures.psnr_db.toFixed(1)} dB.` : "";
  part("train-result").textContent = `${job.message}.${quality}`;
  say(`The filter “${studio.filters.at(-1).name}” is in the list now.`);
}
