// The report as tables.

const percent = (share) => `${Math.round(100 * share)} %`;
const interval = (rate) => `${Math.round(100 * rate.low)} to ${percent(rate.high)}`;

function table(title, columns, rows) {
  const root = document.createElement("div"), made = document.createElement("table");
  root.className = "scroll";
  root.tabIndex = 0;
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", title);
  made.createCaption().textContent = title;
  const head = made.createTHead().insertRow();
  for (const text of columns) head.append(Object.assign(document.createElement("th"), {textContent: text, scope: "col"}));
  const body = made.createTBody();
  for (const [name, ...cells] of rows) {
    const row = body.insertRow();
    row.append(Object.assign(document.createElement("th"), {textContent: name, scope: "row"}));
    for (const text of cells) row.insertCell().textContent = text;
  }
  root.append(made);
  return root;
}

function judgeRow(one) {
  const seconds = one.seconds === null ? "" : one.seconds.toFixed(1);
  const left = one.left.votes ? [percent(one.left.rate), interval(one.left)] : ["", ""];
  const same = one.consistency.votes ? `${one.consistency.successes} of ${one.consistency.votes}` : "";
  return [one.judge, one.votes, seconds, ...left, same];
}

export function showReport(place, report) {
  const parts = [];
  if (report.pairs.length) {
    parts.push(table("Which looks better?", ["pair", "votes", "neither", "win rate", "95 %", "more votes for ±5 points"],
      report.pairs.map((one) => [`${one.first} over ${one.second}`, `${one.first_wins} : ${one.second_wins}`, one.neither,
        percent(one.rate.rate), interval(one.rate), one.rate.votes_needed])));
    parts.push(table("Strength (Bradley-Terry)", ["stylizer", "log-strength", "95 %", "wins over an average one"],
      report.strengths.map((one) => [one.stylizer, one.log_strength.toFixed(2),
        `${one.low.toFixed(2)} to ${one.high.toFixed(2)}`, percent(one.chance)])));
  }
  if (report.teacher.length) {
    parts.push(table("Which one is the teacher’s?", ["stylizer", "right : wrong", "neither", "right", "95 %", "more votes for ±5 points", "result"],
      report.teacher.map((one) => [one.stylizer, `${one.right} : ${one.wrong}`, one.neither, percent(one.rate.rate),
        interval(one.rate), one.rate.votes_needed, one.verdict])));
  }
  const judges = report.judges.length > 1 ? [...report.judges, report.everybody] : report.judges;
  parts.push(table("Judges", ["judge", "votes", "median seconds", "left side", "95 %", "same answer again"], judges.map(judgeRow)));
  const legend = document.createElement("p");
  legend.className = "hint";
  legend.textContent = "A vote for neither counts half for each side. “Not shown to differ” is no proof that people cannot tell: look at the interval. Repeated pairs count in the table of judges only. The program prints the same report, with explanations, when it ends.";
  place.replaceChildren(...parts, legend);
}
