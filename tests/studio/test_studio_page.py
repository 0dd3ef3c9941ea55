"""The page shows what was wished last, also after a preview that failed.

The script of the tab runs in Node, which has no document and no other modules of the page: stand-ins take their places.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import pix2style.studio

NODE = shutil.which("node")
SCRIPT = Path(pix2style.studio.__file__).parent / "page" / "photo.js"

_STAND_INS = """
export const posts = [], said = [], shown = [];
export let wish;
export class ChoiceForm { constructor(_, { onChange }) { wish = onChange; } value() { return {}; } }
export class Compare {
  before = {};
  after = { src: "", removeAttribute() {} };
  setBefore() {}
  setAfter(url) { shown.push(url); }
}
export class Mask { canvas = {}; isEmpty = true; keep() {} begin() {} showBrushing() {} }
export const allFilters = () => [], onFiles = () => {}, save = () => {}, ask = async () => {};
export const upload = async (_, file) => file;
export const say = (text, isError = false) => said.push([text.replace(/[0-9.]+ s/, "0 s"), isError]);
export const post = (address) => new Promise((resolve, reject) => posts.push({ address, resolve, reject }));
const part = () => ({
  classList: { add() {}, remove() {}, toggle() {} }, addEventListener() {}, append() {}, replaceChildren() {},
  setAttribute() {}, querySelector: part, remove() {}, firstChild: { setAttribute() {} },
});
globalThis.window = { addEventListener() {} };
globalThis.document = { getElementById: part, createElement: part };
URL.createObjectURL = (blob) => blob;
URL.revokeObjectURL = () => {};
"""

_STEPS = """
import { beginPhoto, addPhotos } from "./photo.js";
import { posts, said, shown, wish } from "./stand-ins.js";
const settled = async () => { for (let i = 0; i < 20; i++) await new Promise(setImmediate); };
beginPhoto();
await addPhotos([{ id: "a", name: "a.png", width: 1, height: 1, frames: 1, notes: [] }]);
wish();
wish();
posts[0].reject(new Error("no memory"));
await settled();
posts[1]?.resolve({ blob: async () => "second" });
await settled();
wish();
posts[2]?.reject(new Error("no memory"));
await settled();
console.log(JSON.stringify([posts.length, shown, said.slice(-3)]));
"""


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_the_newest_wish_is_shown_after_an_error(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "stand-ins.js").write_text(_STAND_INS)
    (tmp_path / "photo.js").write_text(re.sub(r'"/page/\w+\.js"', '"./stand-ins.js"', SCRIPT.read_text()))
    (tmp_path / "steps.js").write_text(_STEPS)
    done = subprocess.run([str(NODE), "steps.js"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        3,
        ["second"],
        [["no memory", True], ["Stylized in 0 s.", False], ["no memory", True]],  # no try without a new wish
    ]
