// The page *Overview*.

import { Chart } from "./chart.js";
import { element, show } from "./dom.js";
import { batchList } from "./batches.js";
import { hostTable } from "./hosts.js";
import { follow } from "./live.js";
import { tunnelTable } from "./tunnels.js";
import { clock, count, rate } from "./words.js";

const SPANS = [[900, "15 min"], [3600, "1 h"], [21600, "6 h"], [86400, "24 h"]];
// A dispatcher looks every five seconds, and a run needs some to begin.
const LATE_S = 20;
const BEGINNING_S = 10;

const page = document.getElementById("page");
const at = (id) => document.getElementById(id);
const charts = [
  new Chart({ title: "Jobs finished", unit: "jobs/s", pick: (p) => p[1], say: rate }),
  new Chart({ title: "Tokens written", unit: "tokens/s", pick: (p) => p[2], say: rate }),
  new Chart({ title: "Running", unit: "jobs", pick: (p) => p[3], say: count, whole: true }),
  new Chart({ title: "Waiting", unit: "jobs", pick: (p) => p[4], say: count, whole: true }),
];
let span = 3600;
let seen = null;
let stillSince = null;

function showValue(value) {
  seen = value;
  tell("live", `Live, as of ${clock(value.at, true)}`, trouble(value));
  show(at("tiles"), tiles(value));
  charts.forEach((chart) => chart.update(value));
  show(at("batches"), batchList(value));
  show(at("hosts"), hostTable(value.hosts));
  at("tunnels-card").hidden = value.tunnels.length === 0;
  show(at("tunnels"), tunnelTable(value.tunnels));
}

function showFault(sentence) {
  const since = seen ? `All below is as of ${clock(seen.at, true)}. ` : "";
  const what = sentence || "Nightmill does not answer here: is `nightmill monitor` still running?";
  tell("lost", seen ? `Stale since ${clock(seen.at, true)}` : "No answer", `${what} ${since}Trying again …`);
}

function tell(state, words, notice) {
  at("live").dataset.state = state;
  at("live-text").textContent = words;
  at("notice").hidden = !notice;
  if (at("notice").textContent !== notice) at("notice").textContent = notice;
  page.classList.toggle("nm-stale", state === "lost");
}

/** What keeps work from being done for a while now, in a sentence; empty where nothing does. */
function trouble(value) {
  const sentence = standstill(value);
  stillSince = sentence ? stillSince ?? value.at : null;
  return sentence && value.at - stillSince >= BEGINNING_S ? sentence : "";
}

function standstill({ at: now, sampled_at: sampled, pools, batches }) {
  if (!batches.some((batch) => batch.state === "open")) return "";
  if (sampled === null || now - sampled > LATE_S) {
    const since = sampled === null ? "" : ` since ${clock(sampled)}`;
    return `Work waits, and nobody has handed any out${since}. It goes on with \`nightmill run\` or \`nightmill dispatch\`.`;
  }
  const dead = pools.find((pool) => pool.waiting && !pool.slots);
  return dead ? `${count(dead.waiting)} jobs wait for pool ${dead.name}, which no host serves now.` : "";
}

function tiles({ pools }) {
  const sum = (of) => pools.reduce((total, pool) => total + pool[of], 0);
  const slots = sum("slots");
  return [
    ["Jobs finished", rate(sum("jobs_per_s")), "per second"],
    ["Tokens written", rate(sum("tokens_per_s")), "per second"],
    ["Running", count(sum("running")), slots ? `of ${count(slots)} slots` : "jobs"],
    ["Waiting", count(sum("waiting")), "jobs"],
  ].map(([name, value, unit]) =>
    element("div", { class: "nm-tile" }, element("dt", {}, name),
      element("dd", {}, value, " ", element("small", {}, unit))));
}

function chooseSpan(seconds) {
  span = seconds;
  for (const button of at("spans").children) {
    button.setAttribute("aria-pressed", String(Number(button.value) === span));
  }
}

at("charts").append(...charts.map((chart) => chart.root));
at("spans").append(...SPANS.map(([seconds, name]) =>
  element("button", { type: "button", value: seconds }, name)));
chooseSpan(span);
const askNow = follow(() => `${page.dataset.source}?span=${span}`, showValue, showFault);
at("spans").addEventListener("click", ({ target }) => {
  if (target.value) {
    chooseSpan(Number(target.value));
    askNow();
  }
});
