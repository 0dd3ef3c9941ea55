"""The page shows the photo that was chosen last, whatever else is chosen while it is loaded, read or stylized.

The page's own script runs in Node. Node has no document and no web workers: stand-ins take their places, and answer
when a test says so, which no browser does. tests/export/web/test_web_browser.py runs all of the page.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pix2style.export.web import page

NODE = shutil.which("node")
ASSETS = Path(page.__file__).parent / "assets"

_STAND_INS = """
const parts = {};
const part = (id) => (parts[id] ??= {
  id, style: { setProperty() {} }, classList: { add() {}, remove() {}, toggle() {} },
  append() {}, setAttribute() {},
  getContext: () => ({ drawImage: (bitmap) => shown.push([id, bitmap.of]), clearRect() {} }),
});
const shown = []; // what was drawn: canvas, and the photo that it is of
let chosen = 0;
const set = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
set("self", globalThis);
set("navigator", { hardwareConcurrency: 1 });
set("document", { getElementById: part, createElement: () => ({ append() {} }) });
set("FormData", class { get() { return chosen; } });
set("Image", class { set src(_) { setImmediate(() => this.onload()); } naturalHeight = 20; naturalWidth = 30; });
URL.createObjectURL = () => "blob:";
URL.revokeObjectURL = () => {};
const filter = { name: "f", licence: "", can_tile: true, files: {} };
const limits = { max_pixels: 1e6, whole_pixels: 1e6, refused_pixels: 1e7, max_side_px: 1000 };
set("fetch", async () => ({ json: async () => ({ title: "", filters: [filter, filter], limits }) }));
// Does tasks in order, as worker.js does. Each one takes until `go` is called with its name.
let worker, has;
set("Worker", class {
  tasks = [];
  cancelled = 0;
  constructor() { worker = this; }
  postMessage(task) {
    if (task.task === "cancel") this.cancelled = task.upTo;
    else this.tasks.push(task);
    this.begin();
  }
  answer(data) { setImmediate(() => this.onmessage({ data })); }
  begin() {
    while (this.tasks.length && !this.tasks[0].isBegun && this.tasks[0].id <= this.cancelled) {
      this.answer({ id: this.tasks.shift().id, error: "cancelled" });
    }
    if (this.tasks.length) this.tasks[0].isBegun = true;
  }
});
const settled = async () => { for (let i = 0; i < 20; i++) await new Promise(setImmediate); };
async function go(name) {
  await settled();
  const { id, task, file } = worker.tasks.shift() ?? {};
  if (task !== name) throw new Error(`the page asked for ${task}, not for ${name}`);
  const bitmap = (of) => ({ close() {}, width: 30, height: 20, of });
  if (task === "open") worker.answer({ id, result: { backend: "wasm", precision: "fp32", threads: 1 } });
  if (task === "stylize") worker.answer({ id, tile: { bitmap: bitmap(has), top: 0, left: 0 } });
  if (task === "stylize") worker.answer({ id, result: { ms: 1 } });
  if (file?.isBroken) worker.answer({ id, error: "no picture" });
  else if (file) worker.answer({ id, result: { bitmap: bitmap((has = file.name)), height: 20, width: 30 } });
  worker.begin();
  await settled();
}
const pick = (name, isBroken = false) => part("file").onchange({ target: { files: [{ name, isBroken }] } });
const choose = (number) => { chosen = number; part("filters").onchange(); };
"""

_START = "const loaded = import(process.argv[2]);\nwhile (!worker) await settled();\nawait settled();\n"

STEPS = {
    "while the filter is loaded": (
        'pick("B"); choose(1); await go("open"); await go("open"); await go("read"); await go("stylize");',
        [["before", "B"], ["after", "B"]],
    ),
    "while the photo is read": (
        """await go("open"); pick("A"); await go("read"); await go("stylize");
        pick("B"); await settled(); choose(1);
        await go("read"); await go("open"); await go("read"); await go("stylize");""",
        [["before", "A"], ["after", "A"], ["before", "B"], ["after", "B"]],
    ),
    "after a photo that cannot be read": (
        """await go("open"); pick("A"); await go("read"); await go("stylize");
        pick("C", true); await go("read"); choose(1); await go("open"); await go("stylize");""",
        [["before", "A"], ["after", "A"], ["after", "A"]],
    ),
    "after a photo that was read in vain, and one that cannot be read": (
        """await go("open"); pick("A"); await go("read"); await go("stylize");
        pick("B"); await settled(); pick("C", true); await go("read"); await go("read");
        choose(1); await go("open"); await go("read"); await go("stylize");""",
        [["before", "A"], ["after", "A"], ["before", "A"], ["after", "A"]],
    ),
    "two photos at once": (
        'await go("open"); pick("A"); pick("B"); await go("read"); await go("stylize");',
        [["before", "B"], ["after", "B"]],
    ),
    "nothing but another filter": (
        """await go("open"); pick("A"); await go("read"); await go("stylize");
        choose(1); await go("open"); await go("stylize");""",
        [["before", "A"], ["after", "A"], ["after", "A"]],
    ),
}


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
@pytest.mark.parametrize("name", STEPS)
def test_the_photo_that_was_chosen_last_is_shown(tmp_path: Path, name: str) -> None:
    shutil.copytree(ASSETS, tmp_path / "page")
    (tmp_path / "page" / "package.json").write_text('{"type": "module"}')
    steps, expected = STEPS[name]
    end = "console.log(JSON.stringify([shown, worker.tasks.length]));\n"
    script = tmp_path / "steps.mjs"
    script.write_text(f"{_STAND_INS}\n{_START}\n{steps}\nawait loaded;\n{end}")
    command = [str(NODE), str(script), (tmp_path / "page" / "page.js").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [expected, 0]
