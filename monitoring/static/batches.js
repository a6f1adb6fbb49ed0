// Batches with their progress.

import { element } from "./dom.js";
import { count, duration, moment, rate } from "./words.js";

/** The list, or what to do where there is none. */
export function batchList({ batches, at }) {
  if (batches.length === 0) {
    return [element("p", { class: "nm-empty" }, "No batch yet. Start one with ",
      element("code", {}, "nightmill run FILE -o RESULTS"), " and watch it here.")];
  }
  return [element("ul", { class: "nm-batches" }, ...batches.map((batch) => entry(batch, at)))];
}

function entry(batch, now) {
  return element("li", { class: "nm-batch" },
    element("div", { class: "nm-batch-head" },
      element("span", { class: "nm-name", title: `${batch.name} (${batch.id})` }, batch.name),
      pill(batch)),
    bar(batch),
    element("p", { class: "nm-figures" }, element("b", {}, progress(batch)), ...figures(batch, now)
      .map((part) => element("span", {}, part))),
    batch.paused_reason ? element("p", { class: "nm-reason" }, batch.paused_reason) : null);
}

function pill({ state, running, paused_reason: paused, unsuccessful }) {
  let word = state;
  let kind = "calm";
  if (state === "open") [word, kind] = paused ? ["paused", "warn"] : running ? ["running", "busy"] : ["waiting", "calm"];
  else if (state === "completed") kind = unsuccessful ? "warn" : "good";
  else if (state === "failed") kind = "bad";
  return element("span", { class: `nm-pill nm-${kind}` }, word);
}

function bar(batch) {
  const { name, total, finished, succeeded, unsuccessful, running } = batch;
  const parts = [["good", succeeded], ["bad", unsuccessful], ["busy", running]];
  const made = element("div", { class: "nm-bar", role: "progressbar", "aria-label": name,
    "aria-valuemin": 0, "aria-valuemax": total, "aria-valuenow": finished,
    "aria-valuetext": progress(batch) });
  for (const [kind, jobs] of parts) {
    if (!jobs) continue;
    const part = element("span", { class: `nm-part-${kind}` });
    // Through the object model: the page's policy allows no styles in markup.
    part.style.width = `${(100 * jobs) / total}%`;
    made.append(part);
  }
  return made;
}

function progress({ total, finished }) {
  const share = total ? Math.floor((100 * finished) / total) : 0;
  return `${count(finished)} of ${count(total)} (${share} %)`;
}

function figures(batch, now) {
  return [
    batch.unsuccessful ? `${count(batch.unsuccessful)} without an answer` : "",
    batch.running ? `${count(batch.running)} running` : "",
    batch.jobs_per_s > 0 ? `${rate(batch.jobs_per_s)} jobs/s` : "",
    batch.tokens_per_s > 0 ? `${rate(batch.tokens_per_s)} tokens/s` : "",
    batch.eta_s ? `${duration(batch.eta_s)} left` : "",
    batch.finished_at ? `ended ${moment(batch.finished_at, now)}` : "",
    `${batch.model} on ${batch.pool}`,
  ].filter(Boolean);
}
