// Who works, and who was not heard of for a while.

import { element } from "./dom.js";
import { count, duration } from "./words.js";

const HEADS = ["Host", "Pool", "Slots", "Models", "Seen", "State"];

/** The table, or what to do where there is none. */
export function hostTable(hosts) {
  if (hosts.length === 0) {
    return [element("p", { class: "nm-empty" }, "No host works here now. ",
      element("code", {}, "nightmill run"), " brings its own; ",
      element("code", {}, "nightmill worker POOL"), " adds one.")];
  }
  return [element("table", { class: "nm-hosts" },
    element("thead", {}, element("tr", {}, ...HEADS.map((head) =>
      element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...hosts.map(row)))];
}

function row(host) {
  const [word, kind] = state(host);
  const cells = [
    host.pool,
    count(host.slots),
    host.models.join(", ") || "–",
    host.is_alive && host.seen_s_ago < 15 ? "just now" : `${duration(host.seen_s_ago)} ago`,
    element("span", { class: `nm-pill nm-${kind}` }, word),
  ];
  return element("tr", {},
    element("th", { scope: "row" }, element("span", { class: "nm-name" }, host.name),
      element("small", {}, [host.machine, `Nightmill ${host.version}`].filter(Boolean).join(" · "))),
    ...cells.map((cell, index) => element("td", { "data-head": HEADS[index + 1] }, cell,
      index === cells.length - 1 && reason(host)
        ? element("small", { class: "nm-reason" }, reason(host)) : null)));
}

function state({ is_alive: isAlive, trouble: why, cut_off_by: tunnel }) {
  if (tunnel) return ["cut off", "warn"];
  if (!isAlive) return ["gone", "bad"];
  return why ? ["in trouble", "warn"] : ["alive", "good"];
}

function reason({ trouble: why, troubled_s: since, is_out: isOut, cut_off_by: tunnel }) {
  if (tunnel) return `It is reached through tunnel ${tunnel}, which is down.`;
  if (!why) return "";
  return `${why} For ${duration(since ?? 0)} now.${isOut ? " It waits until somebody has looked." : ""}`;
}
