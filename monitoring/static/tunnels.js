// By which tunnels hosts are reached, and what goes through them.

import { element } from "./dom.js";
import { duration } from "./words.js";

const HEADS = ["Tunnel", "Forwards", "Server", "Up", "Seen", "State"];

/** A line for each tunnel. */
export function tunnelTable(tunnels) {
  return [element("table", { class: "nm-hosts" },
    element("thead", {}, element("tr", {}, ...HEADS.map((head) =>
      element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...tunnels.map(row)))];
}

function row(tunnel) {
  const { report } = tunnel;
  const [word, kind] = state(tunnel);
  const why = tunnel.is_alive ? report.reason : "";
  const cells = [
    report.forwards.map(forward),
    report.server || "–",
    tunnel.is_alive && report.up_s !== null ? duration(report.up_s + tunnel.seen_s_ago) : "–",
    tunnel.is_alive && tunnel.seen_s_ago < 15 ? "just now" : `${duration(tunnel.seen_s_ago)} ago`,
    [element("span", { class: `nm-pill nm-${kind}` }, word),
      why ? element("small", { class: "nm-reason" }, why) : null],
  ];
  return element("tr", {},
    element("th", { scope: "row" }, element("span", { class: "nm-name" }, tunnel.name),
      element("small", {}, [tunnel.machine, `Nightmill ${tunnel.version}`].filter(Boolean).join(" · "))),
    ...cells.map((cell, index) => element("td", { "data-head": HEADS[index + 1] }, cell)));
}

function forward({ direction, listen, to, state: how, rtt_ms: took }) {
  const arrow = direction === "local" ? "←" : "→";
  const time = how === "up" && took !== null ? ` ${Math.max(1, Math.round(took))} ms` : ` ${how}`;
  const ends = direction === "local" ? [listen, to] : [to, listen];
  return element("div", {}, `${ends[0]} ${arrow} ${ends[1]}`, element("small", {}, time));
}

function state({ is_alive: isAlive, report }) {
  if (!isAlive) return ["gone", "bad"];
  if (report.state === "up") return ["up", "good"];
  if (report.state === "halted") return ["halted", "bad"];
  return [report.state === "backoff" ? "down" : report.state, "warn"];
}
