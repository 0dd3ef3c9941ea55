// The blind test: shows pairs, sends answers, and shows the report at the end.

import {panes} from "/page/panes.js";
import {showReport} from "/page/results.js";
import {askJson, post, say} from "/page/requests.js";

const get = (id) => document.getElementById(id);
const QUESTIONS = {better: "Which looks better?", teacher: "Which one is the teacher’s?"};
const view = panes();
let judge = "", pair = null, shownAt = 0, isBusy = false, isShown = false;

function open(panel) {
  for (const name of ["start", "pair", "end"]) get(`panel-${name}`).hidden = name !== panel;
  get("progress").hidden = panel !== "pair";
  if (panel !== "pair") get("progress-text").textContent = "";
}

async function send(path, value = {}) {
  return (await post(path, {judge, ...value})).json();
}

// Do what the person has asked for; meanwhile nothing else is done. After a failure the person can go on.
async function act(path, value) {
  if (isBusy) return;
  isBusy = true;
  try {
    say("");
    await show(await send(path, value));
  } catch (error) {
    say(error.message, true);
    try {
      await show(await send("/api/next"), true);
    } catch { /* the first message stays */ }
  } finally {
    isBusy = false;
  }
}

async function show(state, keepsMessage = false) {
  if (state.judge) {
    judge = state.judge;
    localStorage.setItem("judge", judge);
  }
  if (state.state === "finished") return end(state);
  const questionChanges = !pair || pair.question !== state.question;
  pair = state;
  isShown = false;
  open("pair");
  get("question").textContent = QUESTIONS[state.question];
  get("progress").value = state.done / state.total;
  get("progress-text").textContent = `Pair ${state.done + 1} of ${state.total}`;
  get("undo").disabled = !state.can_undo;
  get("examples").hidden = !state.examples.length;
  if (questionChanges) get("question").focus();
  get("example-list").replaceChildren(...state.examples.map((address, number) =>
    Object.assign(document.createElement("img"), {src: address, alt: `The teacher’s picture of another photo, ${number + 1}`})));
  try {
    await view.show(state);
  } catch {
    return say("A picture could not be loaded: reload the page, take your last answer back, or stop.", true);
  }
  shownAt = performance.now();
  isShown = true;
  if (!keepsMessage) say(`${QUESTIONS[state.question]} Pair ${state.done + 1} of ${state.total}.`);
}

function end(state) {
  pair = null;
  open("end");
  get("end-text").textContent = state.pairs_left
    ? `You have stopped with ${state.pairs_left} pairs left. With the same name you can go on, but you have seen the results now.`
    : "Thank you. You have answered all pairs.";
  showReport(get("report"), state.report);
  say("");
  get("end-title").focus();
}

function answer(kind) {
  if (pair && isShown) act("/api/votes", {trial: pair.trial, answer: kind, seconds: (performance.now() - shownAt) / 1000});
}

const KEYS = {
  ArrowLeft: () => answer("left"), ArrowRight: () => answer("right"), ArrowDown: () => answer("neither"),
  z: () => view.toggleFull(), p: () => view.togglePhoto(), u: () => get("undo").disabled || act("/api/undo"),
};

document.addEventListener("keydown", (event) => {
  if (get("panel-pair").hidden || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.shiftKey) return view.pan(event);
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

for (const kind of ["left", "neither", "right"]) get(`answer-${kind}`).addEventListener("click", () => answer(kind));
get("undo").addEventListener("click", () => act("/api/undo"));
get("end").addEventListener("click", () => {
  if (confirm("Stop and show the results? They say who made the pictures, so you cannot judge without knowing any more.")) act("/api/end");
});
get("again").addEventListener("click", () => {
  judge = "";
  get("name").value = "";
  open("start");
  get("name").focus();
});
get("start").addEventListener("submit", (event) => {
  event.preventDefault();
  judge = get("name").value;
  act("/api/start");
});

async function begin() {
  get("name").value = localStorage.getItem("judge") || "";
  const about = await askJson("/api/judging");
  const asked = about.questions.map((question) => `“${QUESTIONS[question]}”`).join(" and then ");
  get("start-text").textContent = `${about.trials} pairs of pictures. You are asked: ${asked}`;
}

begin().catch((error) => say(error.message, true));
