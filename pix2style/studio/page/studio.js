// The studio's page: tabs, and what all of them share.

import {beginCamera, stopCamera} from "/page/camera.js";
import {setFilters} from "/page/choice.js";
import {beginClip} from "/page/clip.js";
import {beginPhoto, addPhotos} from "/page/photo.js";
import {setLimits} from "/page/files.js";
import {askJson, say} from "/page/requests.js";
import {beginTrain} from "/page/train.js";

const tabs = [...document.querySelectorAll('[role="tab"]')];

function showTab(name) {
  for (const tab of tabs) {
    const isChosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", isChosen);
    tab.tabIndex = isChosen ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
  }
  if (name !== "camera") stopCamera();
  say("");
}

for (const [place, tab] of tabs.entries()) {
  tab.addEventListener("click", () => showTab(tab.id.slice(4)));
  tab.addEventListener("keydown", (event) => {
    const next = {ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1}[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const chosen = tabs[(next + tabs.length) % tabs.length];
    chosen.focus();
    showTab(chosen.id.slice(4));
  });
}

// A file that is dropped beside the drop area must not replace the page.
window.addEventListener("dragover", (event) => event.preventDefault());
window.addEventListener("drop", (event) => {
  event.preventDefault();
  const files = [...event.dataTransfer.files];
  if (files.length && !document.getElementById("panel-photo").hidden) addPhotos(files);
});

try {
  const studio = await askJson("/api/studio");
  setFilters(studio.filters);
  setLimits(studio.limits);
  beginPhoto();
  beginCamera(showTab);
  beginClip(studio.missing.video);
  beginTrain(studio.missing.training);
  document.documentElement.dataset.ready = "yes";
} catch (error) {
  say(error.message, true);
}
