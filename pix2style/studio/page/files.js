// Uploads, downloads and dropped files, and the state of long work.

import {askJson, say} from "/page/requests.js";

const limits = {};

export function setLimits(of) {
  Object.assign(limits, of);
}

export async function upload(kind, file) {
  if (file.size > limits[kind]) throw new Error(`${file.name}: has more than ${limits[kind] / 1e6} MB: use a smaller file`);
  return askJson(`/api/${kind}?name=${encodeURIComponent(file.name || "picture.png")}`, {method: "POST", body: file});
}

// Let the browser save the body of a response, under the name that the server gives it.
export async function save(response, fallback) {
  const header = response.headers.get("Content-Disposition") || "";
  const extended = /filename\*=utf-8''([^;]+)/i.exec(header), plain = /filename="([^"]+)"/i.exec(header);
  saveBlob(await response.blob(), extended ? decodeURIComponent(extended[1]) : plain ? plain[1] : fallback);
}

export function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// Take files that are dropped on an element or chosen by the file input in it.
export function onFiles(area, take) {
  const input = area.querySelector('input[type="file"]');
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = "";
  });
  for (const kind of ["dragenter", "dragover"]) {
    area.addEventListener(kind, (event) => { event.preventDefault(); area.classList.add("over"); });
  }
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    area.classList.remove("over");
    const files = [...event.dataTransfer.files];
    if (files.length) take(files);
    else say("That was no file: save the picture first, then drop the file.", true);
  });
}

// Ask for the state of a job until it has ended.
export async function follow(job, show) {
  for (;;) {
    show(job);
    if (!["running", "stopping"].includes(job.state)) return job;
    await new Promise((resolve) => setTimeout(resolve, 700));
    job = await askJson(`/api/jobs/${job.id}`);
  }
}
