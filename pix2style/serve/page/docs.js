"use strict";

const element = (id) => document.getElementById(id);

function headers() {
  const token = element("token").value;
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** Make an element. Texts are not parsed as HTML. Text between backquotes becomes code. */
function make(name, ...children) {
  const made = document.createElement(name);
  for (const child of children) {
    if (child instanceof Node) {
      made.append(child);
      continue;
    }
    String(child).split("`").forEach((part, index) => {
      made.append(index % 2 ? Object.assign(document.createElement("code"), { textContent: part }) : part);
    });
  }
  return made;
}

function values(schema) {
  const limits = [schema.minimum, schema.maximum].filter((limit) => limit !== undefined).join(" to ");
  const kind = schema.enum ? schema.enum.map((value) => `\`${value}\``).join(", ") : `${schema.type} ${limits}`.trim();
  return schema.default === undefined ? kind : `${kind}; default \`${schema.default}\``;
}

function table(titles, rows) {
  const head = make("tr", ...titles.map((title) => make("th", title)));
  return make("table", make("thead", head), make("tbody", ...rows.map((row) => make("tr", ...row.map((cell) => make("td", cell))))));
}

function describe(method, path, operation) {
  const section = make("section", make("h2", `\`${method.toUpperCase()} ${path}\` ${operation.summary}`));
  if (operation.description) section.append(make("p", operation.description));
  if (operation.parameters) {
    section.append(table(["Parameter", "Value", "Meaning"], operation.parameters.map(
      (parameter) => [`\`${parameter.name}\``, values(parameter.schema), parameter.description])));
  }
  section.append(table(["Status", "When"], Object.entries(operation.responses).map(
    ([status, response]) => [`\`${status}\``, make("div", ...response.description.split("\n\n").map((text) => make("p", text)))])));
  return section;
}

function show(problem) {
  element("problem").textContent = problem;
  element("problem").hidden = !problem;
}

async function failure(answer) {
  return (await answer.json().catch(() => ({ error: `status ${answer.status}` }))).error;
}

async function load() {
  const answer = await fetch("/openapi.json", { headers: headers() });
  element("sign-in").hidden = answer.status !== 401 && !element("token").value;
  show(answer.ok || (answer.status === 401 && !element("token").value) ? "" : await failure(answer));
  if (!answer.ok) return;
  const description = await answer.json();
  element("addresses").replaceChildren(...Object.entries(description.paths).flatMap(
    ([path, operations]) => Object.entries(operations).map(([method, operation]) => describe(method, path, operation))));
  const listed = await (await fetch("/v1/filters", { headers: headers() })).json();
  element("filter").replaceChildren(...listed.filters.map(({ name }) => new Option(name)));
  element("try").hidden = false;
}

async function stylize(event) {
  event.preventDefault();
  show("");
  const query = new URLSearchParams({ filter: element("filter").value, strength: element("strength").value });
  const [photo] = element("photo").files;
  const answer = await fetch(`/v1/stylize?${query}`, { method: "POST", body: photo, headers: headers() });
  if (!answer.ok) return show(await failure(answer));
  URL.revokeObjectURL(element("result").src);
  element("timing").textContent = answer.headers.get("Server-Timing");
  element("result").src = URL.createObjectURL(await answer.blob());
  element("result").hidden = false;
}

element("sign-in").addEventListener("submit", (event) => { event.preventDefault(); load(); });
element("photo-form").addEventListener("submit", (event) => stylize(event).catch((error) => show(String(error))));
load().catch((error) => show(String(error)));
