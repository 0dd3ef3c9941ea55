// The tab Photo.

import {ChoiceForm, allFilters} from "/page/choice.js";
import {Compare} from "/page/compare.js";
import {Mask} from "/page/mask.js";
import {onFiles, save, upload} from "/page/files.js";
import {ask, post, say} from "/page/requests.js";

const part = (id) => document.getElementById(id);
const photos = [];
let current = null, compare, mask, form, isPainting = false, isStale = false, tilesOf = null;

export function beginPhoto() {
  compare = new Compare(part("photo-view"));
  form = new ChoiceForm(part("photo-choice"), {onChange: paint, tiles: part("photo-filters")});
  mask = new Mask(compare.root, {
    size: part("mask-size"), erase: part("mask-erase"), clear: part("mask-clear"), invert: part("mask-invert"),
  }, maskChanged);
  onFiles(part("photo-drop"), addPhotos);
  part("mask-on").addEventListener("change", () => { showMask(); paint(); });
  part("photo-controls").addEventListener("submit", (event) => { event.preventDefault(); download([current]); });
  part("photo-download-all").addEventListener("click", () => download(photos));
  part("photo-remove").addEventListener("click", removePhoto);
  window.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (files.length) addPhotos(files);
  });
}

export function renewTiles() {
  tilesOf = null;
  if (current && !isPainting) showTiles();
}

export async function addPhotos(files) {
  let failed = "";
  for (const [number, file] of files.entries()) {
    say(files.length > 1 ? `Reading photo ${number + 1} of ${files.length} …` : "Reading the photo …");
    try {
      photos.push(await upload("photos", file));
      if (!current || number === 0) choosePhoto(photos.at(-1));
      showList();
    } catch (error) {
      failed = error.message;
    }
  }
  if (failed) say(failed, true);
}

function choosePhoto(photo) {
  if (current) Object.assign(current, {mask: mask.keep(), isMasked: part("mask-on").checked && !mask.isEmpty});
  current = photo;
  for (const id of ["photo-view", "photo-filters", "photo-controls"]) part(id).hidden = !photo;
  part("photo-drop").classList.toggle("compact", Boolean(photo));
  part("photo-drop").querySelector("strong").textContent = photo ? "Add photos" : "Drop photos here";
  showList();
  if (!photo) return;
  const url = `/api/photos/${photo.id}/screen`;
  compare.setBefore(url);
  compare.after.removeAttribute("src");
  compare.before.alt = `${photo.name}, before`;
  compare.after.alt = `${photo.name}, after`;
  mask.begin(photo.width, photo.height, photo.mask);
  part("mask-on").checked = Boolean(photo.isMasked);
  showMask();
  const frames = photo.frames > 1 ? `, ${photo.frames} pictures: all of them are in the download` : "";
  part("photo-facts").textContent = [`${photo.name}: ${photo.width} × ${photo.height}${frames}.`, ...photo.notes].join(" ");
  paint();
}

function showList() {
  const list = part("photo-list");
  list.hidden = photos.length < 2;
  part("photo-download-all").hidden = photos.length < 2;
  list.replaceChildren(...photos.map(listItem));
}

// The entry of a photo in the list, which is made once.
function listItem(photo) {
  if (!photo.item) {
    photo.item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), {type: "button"});
    button.append(Object.assign(document.createElement("img"), {src: `/api/photos/${photo.id}/thumbnails/none`, alt: photo.name}));
    button.addEventListener("click", () => choosePhoto(photo));
    photo.item.append(button);
  }
  photo.item.firstChild.setAttribute("aria-pressed", photo === current);
  return photo.item;
}

function showTiles() {
  if (tilesOf === current?.id) return;
  tilesOf = current.id;
  const tiles = document.createElement("div");
  tiles.className = "tiles";
  tiles.append(...allFilters().map((filter) => {
    const tile = document.createElement("label");
    tile.className = "tile";
    const input = Object.assign(document.createElement("input"), {type: "radio", name: "photo-filter", value: filter.id});
    input.checked = filter.id === form.selected;
    input.addEventListener("change", () => form.select(filter.id));
    const image = Object.assign(document.createElement("img"), {loading: "lazy", alt: "", width: 128, height: 96});
    image.src = `/api/photos/${current.id}/thumbnails/${encodeURIComponent(filter.id)}`;
    tile.append(input, image, Object.assign(document.createElement("span"), {textContent: filter.name}));
    return tile;
  }));
  const fieldset = part("photo-filters");
  fieldset.querySelector(".tiles")?.remove();
  fieldset.append(tiles);
}

function value(photo) {
  const isMasked = photo === current ? part("mask-on").checked && !mask.isEmpty : Boolean(photo.isMasked);
  return {...form.value(), use_mask: isMasked};
}

// Stylize the current photo for the screen; while that goes on, only the newest wish is remembered.
async function paint() {
  if (!current) return;
  if (isPainting) { isStale = true; return; }
  isPainting = true;
  part("photo-view").classList.add("busy");
  do {
    isStale = false;
    try {
      await paintOnce(current);
    } catch (error) {
      say(error.message, true); // a newer wish is tried all the same; without one the error stays
    }
  } while (isStale && current);
  isPainting = false;
  part("photo-view").classList.remove("busy");
  mask.showBrushing(false);
  if (current) showTiles();
}

async function paintOnce(photo) {
  const began = performance.now();
  const response = await post(`/api/photos/${photo.id}/preview`, value(photo));
  const url = URL.createObjectURL(await response.blob());
  if (photo !== current) { URL.revokeObjectURL(url); isStale = true; return; }
  const old = compare.after.src;
  compare.setAfter(url);
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
  say(`Stylized in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
}

function showMask() {
  const isOn = part("mask-on").checked;
  part("mask-tools").hidden = mask.canvas.hidden = !isOn;
  if (isOn && mask.isEmpty) say("Brush on the picture where it is to be stylized.");
}

async function maskChanged() {
  try {
    await ask(`/api/photos/${current.id}/mask`, {method: "PUT", body: await mask.file()});
    paint();
  } catch (error) {
    say(error.message, true);
  }
}

async function download(chosen) {
  const failed = [];
  for (const [number, photo] of chosen.entries()) {
    say(chosen.length > 1 ? `Stylizing photo ${number + 1} of ${chosen.length} in full size …` : "Stylizing in full size …");
    try {
      const output = {metadata: part("output-metadata").value, lossless: part("output-lossless").checked};
      await save(await post(`/api/photos/${photo.id}/result`, {...value(photo), output}), photo.name);
    } catch (error) {
      if (!error.status || error.status === 401) { say(error.message, true); return; } // the others would fail as well
      failed.push(chosen.length > 1 && !error.message.includes(photo.name) ? `${photo.name}: ${error.message}` : error.message);
    }
  }
  say(failed.join(" ") || "Downloaded.", failed.length > 0);
}

async function removePhoto() {
  const photo = current, place = photos.indexOf(photo);
  photos.splice(place, 1);
  current = null;
  choosePhoto(photos[Math.min(place, photos.length - 1)] ?? null);
  if (!photos.length) part("photo-drop").querySelector("input").focus();
  try {
    await ask(`/api/photos/${photo.id}`, {method: "DELETE"});
    say(`${photo.name} is deleted from the studio.`);
  } catch (error) {
    say(error.message, true);
  }
}
