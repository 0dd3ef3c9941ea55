// The tab Webcam: frames go one by one to the studio's server, and come back stylized.

import {ChoiceForm} from "/page/choice.js";
import {addPhotos} from "/page/photo.js";
import {saveBlob} from "/page/files.js";
import {ask, say} from "/page/requests.js";

const part = (id) => document.getElementById(id);
const stream = crypto.getRandomValues(new Uint32Array(2)).join("-");
let media = null, opening = null, form, lastFrame = null, showTab;

export function beginCamera(show) {
  showTab = show;
  form = new ChoiceForm(part("camera-choice"), {onChange: () => {}, noLook: true});
  part("camera-controls").addEventListener("submit", (event) => {
    event.preventDefault();
    if (opening) return; // the browser asks the person already
    media ? stopCamera() : startCamera();
  });
  part("camera-save").addEventListener("click", () => part("camera-canvas").toBlob((blob) => saveBlob(blob, "webcam.png"), "image/png"));
  part("camera-use").addEventListener("click", takeToPhoto);
}

export function stopCamera() {
  media?.getTracks().forEach((track) => track.stop());
  media = opening = null;
  part("camera-start").textContent = "Start camera";
  part("camera-facts").textContent = "The camera is off. Frames go to the computer that runs the studio, and are not stored.";
}

async function startCamera() {
  if (!navigator.mediaDevices) {
    say("Browsers give the camera only to pages at http://127.0.0.1 and at https addresses.", true);
    return;
  }
  const mine = opening = {};
  let opened;
  try {
    opened = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 1280}, height: {ideal: 720}}, audio: false});
  } catch (error) {
    if (opening !== mine) return;
    opening = null;
    say(error.name === "NotFoundError" ? "There is no camera." : `The camera cannot be opened: ${error.message}`, true);
    return;
  }
  // While the browser asked the person, the camera may have been stopped, by the button or by another tab.
  if (opening !== mine) {
    opened.getTracks().forEach((track) => track.stop());
    return;
  }
  media = opened;
  opening = null;
  const video = part("camera-video");
  video.srcObject = media;
  await video.play();
  if (media !== opened) return;
  part("camera-start").textContent = "Stop camera";
  part("camera-save").disabled = part("camera-use").disabled = false;
  say("");
  stylizeFrames(media);
}

function drawFrame(canvas, width) {
  const video = part("camera-video"), context = canvas.getContext("2d");
  canvas.width = Math.min(width, video.videoWidth);
  canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
  if (part("camera-mirror").checked) { context.translate(canvas.width, 0); context.scale(-1, 1); }
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
}

const asBlob = (canvas) => new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));

async function stylizeFrames(of) {
  const small = document.createElement("canvas"), shown = part("camera-canvas");
  let rate = 0, last = performance.now();
  while (media === of) {
    try {
      drawFrame(small, Number(part("camera-width").value));
      const choice = encodeURIComponent(JSON.stringify(form.value()));
      const response = await ask(`/api/frames?stream=${stream}&choice=${choice}`, {method: "POST", body: await asBlob(small)});
      const bitmap = await createImageBitmap(await response.blob());
      if (media !== of) return;
      shown.width = bitmap.width;
      shown.height = bitmap.height;
      shown.getContext("2d").drawImage(bitmap, 0, 0);
      const now = performance.now();
      rate = 0.9 * rate + 0.1 * (1000 / (now - last));
      last = now;
      part("camera-facts").textContent = `${rate.toFixed(1)} frames/s at ${bitmap.width} × ${bitmap.height}. Nothing is stored.`;
    } catch (error) {
      say(error.message, true);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

async function takeToPhoto() {
  const video = part("camera-video");
  if (media) lastFrame = document.createElement("canvas"), drawFrame(lastFrame, video.videoWidth);
  if (!lastFrame) return;
  const file = new File([await asBlob(lastFrame)], "webcam.jpg", {type: "image/jpeg"});
  stopCamera();
  showTab("photo");
  addPhotos([file]);
}
