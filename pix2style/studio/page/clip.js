// The tab Video.

import {ChoiceForm} from "/page/choice.js";
import {follow, onFiles, upload} from "/page/files.js";
import {askJson, post, say} from "/page/requests.js";

const part = (id) => document.getElementById(id);
let clip = null, job = null, stylized = null, form;

export function beginClip(missing) {
  if (missing) {
    part("clip-missing").textContent = missing;
    part("clip-missing").hidden = false;
    part("clip-content").hidden = true;
    return;
  }
  form = new ChoiceForm(part("clip-choice"), {onChange: () => {}, noLook: true});
  onFiles(part("clip-drop"), takeClip);
  part("clip-controls").addEventListener("submit", (event) => { event.preventDefault(); stylize(); });
  part("clip-stop").addEventListener("click", () => askJson(`/api/jobs/${job.id}/stop`, {method: "POST"}).then(show).catch((error) => say(error.message, true)));
}

async function takeClip([file]) {
  say("Copying the clip …");
  try {
    clip = await upload("clips", file);
  } catch (error) {
    say(error.message, true);
    return;
  }
  say("");
  part("clip-drop").classList.add("compact");
  part("clip-drop").querySelector("strong").textContent = clip.name;
  const before = part("clip-before");
  URL.revokeObjectURL(before.src);
  before.src = URL.createObjectURL(file);
  part("clip-view").hidden = false;
  part("clip-after").hidden = part("clip-download").hidden = true;
  part("clip-wait").hidden = false;
  part("clip-start").disabled = job !== null && ["running", "stopping"].includes(job.state);
}

async function stylize() {
  const side = part("clip-side").value;
  stylized = clip;
  try {
    job = await (await post("/api/clip-jobs", {
      clip: clip.id, choice: form.value(), steady: part("clip-steady").value, max_side: side ? Number(side) : null,
    })).json();
    job = await follow(job, show);
  } catch (error) {
    say(error.message, true);
  }
}

function show(state) {
  const isRunning = ["running", "stopping"].includes(state.state);
  part("clip-start").disabled = isRunning;
  part("clip-stop").hidden = !isRunning;
  part("clip-progress").hidden = !isRunning;
  const bar = part("clip-progress").querySelector("progress");
  if (state.share === null) bar.removeAttribute("value"); else bar.value = state.share;
  part("clip-progress").querySelector("span").textContent = state.message;
  if (isRunning) return;
  const words = {done: `Done: ${state.message}.`, stopped: "Cancelled.", failed: state.message}[state.state];
  say([words, ...state.lines].join(" "), state.state === "failed");
  if (!state.has_result) return;
  const address = `/api/jobs/${state.id}/result`;
  part("clip-download").href = address;
  part("clip-download").download = `${stylized.name.replace(/\.[^.]*$/, "")}-stylized.mp4`;
  part("clip-download").hidden = false;
  if (stylized !== clip) return; // another clip is shown as the one before
  part("clip-after").src = address;
  part("clip-after").hidden = false;
  part("clip-wait").hidden = true;
}
