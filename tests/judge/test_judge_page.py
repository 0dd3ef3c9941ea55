"""The page of the blind test when pictures cannot be loaded.

Its scripts run in Node, which has no document and no server: stand-ins take their places.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import pix2style.judge

NODE = shutil.which("node")
PAGE = Path(pix2style.judge.__file__).parent / "page"

pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed")

# An image whose address begins with "broken" cannot be decoded.
_STAND_INS = """
export const said = [], posts = [], parts = {};
export const say = (text, isError = false) => said.push([text, isError]);
export const showReport = () => {};
export const answers = [];
export const post = async (address) => {
  posts.push(address);
  const answer = answers.shift();
  return { json: async () => answer() };
};
export const errors = () => said.filter(([, isError]) => isError).map(([text]) => text);
export const askJson = async () => ({ questions: ["better"], trials: 9 });
const classes = () => {
  const held = new Set();
  return {
    add: (name) => held.add(name), remove: (name) => held.delete(name), contains: (name) => held.has(name),
    toggle: (name, on) => held[on ? "add" : "delete"](name),
  };
};
const part = (id) => parts[id] ??= {
  id, hidden: false, disabled: false, textContent: "", value: "anna", src: "", listeners: {}, style: {},
  classList: classes(),
  addEventListener(kind, listener) { this.listeners[kind] = listener; },
  replaceChildren() {}, setAttribute() {}, removeAttribute() { this.src = ""; }, focus() {},
  decode: async function () { if (this.src.startsWith("broken")) throw new Error("EncodingError"); },
};
globalThis.window = { addEventListener() {} };
globalThis.document = {
  getElementById: part, createElement: () => ({}), querySelector: part, addEventListener() {},
};
globalThis.getComputedStyle = () => ({ display: "none" });
globalThis.localStorage = { getItem: () => "1", setItem() {} };
globalThis.confirm = () => true;
export const settled = async () => { for (let i = 0; i < 20; i++) await new Promise(setImmediate); };
export const click = async (id) => { parts[id].listeners.click(); await settled(); };
export const pair = (trial, changes = {}) => ({
  judge: "anna", state: "pair", trial, question: "better", left: "left", right: "right", photo: "photo",
  examples: [], width: 9, height: 9, done: 0, total: 9, can_undo: true, ...changes,
});
"""
_BEGIN = """
import { answers, click, pair, parts, posts, errors, settled } from "./stand-ins.js";
await import("./judge.js");
await settled();
const begin = async (first) => {
  answers.push(() => first);
  parts.start.listeners.submit({ preventDefault() {} });
  await settled();
};
"""


def _run(steps: str, folder: Path) -> Any:
    """Run steps on the page, and return what they print as JSON."""
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "stand-ins.js").write_text(_STAND_INS)
    for name in ("judge.js", "panes.js"):
        script = (PAGE / name).read_text(encoding="utf-8")
        script = re.sub(r'"/page/(?:results|requests)\.js"', '"./stand-ins.js"', script)
        (folder / name).write_text(script.replace('"/page/panes.js"', '"./panes.js"'), encoding="utf-8")
    (folder / "steps.js").write_text(_BEGIN + steps)
    done = subprocess.run([str(NODE), "steps.js"], cwd=folder, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_pictures_are_judged_without_a_photo_that_cannot_be_loaded(tmp_path: Path) -> None:
    steps = """
    await begin(pair("1", { photo: "broken" }));
    const hidden = [parts["photo-figure"].hidden, parts["photo-toggle"].hidden];
    const isWaiting = parts["panel-pair"].classList.contains("waiting");
    answers.push(() => pair("2"));
    await click("answer-left");
    const after = parts["photo-figure"].hidden;
    console.log(JSON.stringify({ hidden, isWaiting, after, posts, errors: errors() }));
    """
    found = _run(steps, tmp_path)
    assert found["hidden"] == [True, True]
    assert (found["isWaiting"], found["errors"]) == (False, [])
    assert found["posts"] == ["/api/start", "/api/votes"]
    assert found["after"] is False, "the next photo is shown again"


def test_after_a_picture_that_cannot_be_loaded_only_votes_are_refused(tmp_path: Path) -> None:
    steps = """
    await begin(pair("1", { right: "broken" }));
    await click("answer-left");
    const refused = [...posts];
    answers.push(() => pair("0"));
    await click("undo");
    answers.push(() => pair("1", { left: "broken" }));
    await click("answer-left");
    answers.push(() => ({ state: "finished", pairs_left: 8, report: {} }));
    await click("end");
    console.log(JSON.stringify({ refused, posts, ended: !parts["panel-end"].hidden, errors: errors() }));
    """
    found = _run(steps, tmp_path)
    assert found["refused"] == ["/api/start"]
    assert found["posts"] == ["/api/start", "/api/undo", "/api/votes", "/api/end"]
    assert found["ended"]
    assert len(found["errors"]) == 2
    assert found["errors"][0].startswith("A picture could not be loaded: reload the page")


def test_a_vote_that_could_not_be_sent_can_be_given_again(tmp_path: Path) -> None:
    steps = """
    const fail = () => { throw new Error("no network"); };
    await begin(pair("1"));
    answers.push(fail, fail, () => pair("2"));
    await click("answer-left");
    await click("answer-left");
    console.log(JSON.stringify(posts));
    """
    assert _run(steps, tmp_path) == ["/api/start", "/api/votes", "/api/next", "/api/votes"]
