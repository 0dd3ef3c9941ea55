"""The scripts of the page's tabs when things happen at once, or fail half-way.

They run in Node, which has no document and no other modules of the page: stand-ins take their places.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import pix2style.studio

NODE = shutil.which("node")
PAGE = Path(pix2style.studio.__file__).parent / "page"

pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed")

_STAND_INS = """
export const said = [], saved = [], posts = [], parts = {};
export let changed;
export class ChoiceForm { constructor(_, { onChange }) { changed = onChange; } value() { return {}; } }
export class Compare {
  before = {};
  after = { src: "", removeAttribute() {} };
  setBefore() {}
  setAfter() {}
}
export class Mask { canvas = {}; isEmpty = true; keep() {} begin() {} showBrushing() {} }
export const dropped = {};
export const onFiles = (area, take) => { dropped[area.id] = take; };
export const allFilters = () => [], setFilters = () => {}, renewTiles = () => {}, addPhotos = () => {};
export const saveBlob = () => {}, ask = async () => {};
export const upload = async (_, file) => file;
export const say = (text, isError = false) => said.push([text, isError]);
export const save = async (response) => saved.push(response.name);
export const answers = [];
export const post = async (address, value) => { posts.push([address, value]); return answers.shift()(); };
export const askJson = async () => ({ filters: [{ name: "new" }] });
export const jobs = [];
export const follow = (job, show) => {
  show(job);
  return new Promise((resolve) => jobs.push((end) => { show(end); resolve(end); }));
};
const part = (id) => parts[id] ??= {
  id, hidden: false, disabled: false, textContent: `default of ${id}`, value: "5", listeners: {},
  classList: { add() {}, remove() {}, toggle() {} },
  addEventListener(kind, listener) { this.listeners[kind] = listener; },
  append() {}, replaceChildren() {}, setAttribute() {}, removeAttribute() {}, remove() {}, focus() {},
  play: async () => {},
  querySelector(inner) { return part(`${id} ${inner}`); }, firstChild: { setAttribute() {} },
};
globalThis.window = { addEventListener() {} };
globalThis.document = { getElementById: part, createElement: () => part("new") };
globalThis.localStorage = { getItem: () => null, setItem() {}, removeItem() {} };
URL.createObjectURL = (blob) => blob;
URL.revokeObjectURL = () => {};
export const settled = async () => { for (let i = 0; i < 20; i++) await new Promise(setImmediate); };
export const event = { preventDefault() {} };
"""


def run(script: str, steps: str, folder: Path) -> Any:
    """Run steps on a script of the page, and return what they print as JSON."""
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "stand-ins.js").write_text(_STAND_INS)
    (folder / script).write_text(re.sub(r'"/page/\w+\.js"', '"./stand-ins.js"', (PAGE / script).read_text()))
    (folder / "steps.js").write_text('import * as page from "./stand-ins.js";\n' + steps)
    done = subprocess.run([str(NODE), "steps.js"], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


_CAMERA = """
import { beginCamera, stopCamera } from "./camera.js";
const streams = [], open = [];
const stream = () => {
  const track = { stopped: false, stop() { this.stopped = true; } };
  streams.push(track);
  return { getTracks: () => [track] };
};
const getUserMedia = () => new Promise((resolve) => open.push(() => resolve(stream())));
Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: { getUserMedia } } });
beginCamera(() => {});
const submit = () => page.parts["camera-controls"].listeners.submit(page.event);
const video = page.parts["camera-video"] ??= { play: () => new Promise(() => {}) };
"""


def test_a_camera_that_was_stopped_while_the_browser_asked_stays_off(tmp_path: Path) -> None:
    steps = "submit(); stopCamera(); open[0](); await page.settled(); console.log(JSON.stringify(streams));"
    assert run("camera.js", _CAMERA + steps, tmp_path) == [{"stopped": True}]


def test_a_double_click_opens_one_camera(tmp_path: Path) -> None:
    steps = """
    submit(); submit();
    for (const allow of open) allow();
    await page.settled();
    console.log(JSON.stringify(streams.map((track) => track.stopped)));
    """
    assert run("camera.js", _CAMERA + steps, tmp_path) == [False]


def test_all_photos_are_downloaded_although_one_fails(tmp_path: Path) -> None:
    steps = """
    import { beginPhoto, addPhotos } from "./photo.js";
    beginPhoto();
    const photo = (name) => ({ id: name, name, width: 1, height: 1, frames: 1, notes: [] });
    page.answers.push(async () => ({ blob: async () => "preview" }));
    await addPhotos(["a.png", "b.png", "c.png"].map(photo));
    await page.settled();
    page.answers.length = 0;
    page.answers.push(
      () => { throw Object.assign(new Error("this photo is no longer here: add it again"), { status: 404 }); },
      () => ({ name: "b.png" }),
      () => ({ name: "c.png" }),
    );
    page.said.length = 0;
    page.parts["photo-download-all"].listeners.click();
    await page.settled();
    console.log(JSON.stringify([page.saved, page.said.at(-1)]));
    """
    assert run("photo.js", steps, tmp_path) == [
        ["b.png", "c.png"],
        ["a.png: this photo is no longer here: add it again", True],
    ]


def test_what_is_gone_is_not_ordered_again_and_the_rest_is(tmp_path: Path) -> None:
    steps = """
    import { beginTrain } from "./train.js";
    beginTrain(null);
    const drop = (what, id) => page.dropped[`train-${what}-drop`]([{ id, name: id }]);
    await drop("painting", "p");
    await drop("photos", "old");
    const submit = () => page.parts["train-controls"].listeners.submit(page.event);
    const refuse = (message) => page.answers.push(() => { throw Object.assign(new Error(message), { status: 404 }); });
    refuse("1 of 1 photo can no longer be used");
    submit();
    await page.settled();
    const names = [page.parts["train-photos-name"].textContent, page.parts["train-painting-name"].textContent];
    await drop("photos", "new");
    refuse("the painting is no longer here: add it again");
    submit();
    await page.settled();
    await drop("painting", "q");
    page.answers.push(() => ({ json: async () => ({ id: "job", state: "running", lines: [], message: "" }) }));
    submit();
    await page.settled();
    console.log(JSON.stringify([names, page.posts.map(([, order]) => [order.painting, order.photos])]));
    """
    assert run("train.js", steps, tmp_path) == [
        ["default of train-photos-name", "p"],
        [["p", ["old"]], ["p", ["new"]], ["q", ["new"]]],
    ]


def test_the_result_of_a_clip_has_its_name_although_another_one_is_shown(tmp_path: Path) -> None:
    steps = """
    import { beginClip } from "./clip.js";
    beginClip(null);
    const running = { id: "1", state: "running", share: 0, message: "", lines: [], has_result: false };
    await page.dropped["clip-drop"]([{ id: "a", name: "a.mp4" }]);
    page.answers.push(() => ({ json: async () => running }));
    page.parts["clip-controls"].listeners.submit(page.event);
    await page.settled();
    await page.dropped["clip-drop"]([{ id: "b", name: "b.mp4" }]);
    const disabled = page.parts["clip-start"].disabled;
    page.jobs[0]({ ...running, state: "done", has_result: true });
    await page.settled();
    const { hidden } = page.parts["clip-after"], { download } = page.parts["clip-download"];
    console.log(JSON.stringify([disabled, page.parts["clip-start"].disabled, hidden, download]));
    """
    assert run("clip.js", steps, tmp_path) == [True, False, True, "a-stylized.mp4"]
