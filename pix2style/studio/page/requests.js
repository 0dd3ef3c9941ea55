// Requests to the studio's own server, and messages to the person.

const status = document.getElementById("status");

export function say(text, isBad = false) {
  status.textContent = text;
  status.classList.toggle("bad", isBad);
}

// Send a request; throw an error with the server's message if it is refused.
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The studio does not answer: is it still running?");
  }
  if (response.ok) return response;
  let message = `The request failed (${response.status}).`;
  try {
    message = (await response.json()).error || message;
  } catch { /* the answer is no JSON: the message above has to do */ }
  if (response.status === 401) message = "Open the studio again by the address with the token that it has printed.";
  throw new Error(message);
}

export async function askJson(path, options) {
  return (await ask(path, options)).json();
}

export function post(path, value, options = {}) {
  return ask(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(value), ...options});
}

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
