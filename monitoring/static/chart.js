// A chart of lines over time: one line a pool, axes, a legend, a reading under the pointer, and
// the same as a table.

import { drawn, element, show } from "./dom.js";
import { timeTicks, valueTicks } from "./scale.js";
import { clock, short } from "./words.js";

const HEIGHT = 190;
const LEFT = 46;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 24;
const ROWS = 20;
export const COLOURS = 6;

let made = 0;

export class Chart {
  /** `pick` gives the value of a point, `say` its words; `whole` is for things that are counted. */
  constructor({ title, unit, pick, say, whole = false }) {
    Object.assign(this, { title, unit, pick, say, whole });
    this.data = null;
    this.cursor = null;
    const id = `chart-${(made += 1)}`;
    this.legend = element("ul", { class: "nm-legend" });
    this.svg = drawn("svg", { role: "img", tabindex: "0", "aria-describedby": `${id}-table` });
    this.reading = element("div", { class: "nm-reading", hidden: "" });
    this.table = element("table", { class: "nm-table", id: `${id}-table` });
    this.details = element("details", {}, element("summary", {}, "As a table"),
      element("div", { class: "nm-scroll" }, this.table));
    this.plot = element("div", { class: "nm-plot" }, this.svg, this.reading);
    this.root = element("figure", { class: "nm-card nm-chart" },
      element("figcaption", {},
        element("span", { class: "nm-chart-title" }, title, " ", element("small", {}, unit)),
        this.legend),
      this.plot, this.details);
    this.listen();
  }

  listen() {
    new ResizeObserver(() => this.draw()).observe(this.plot);
    this.svg.addEventListener("pointermove", (event) => {
      this.point(event.clientX - this.svg.getBoundingClientRect().left);
    });
    for (const end of ["pointerleave", "blur"]) {
      this.svg.addEventListener(end, () => this.point(null));
    }
    this.svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined || this.data === null) return;
      event.preventDefault();
      const at = this.cursor ?? this.data.at;
      this.point(this.x(at + step * this.data.width_s * 2));
    });
    this.details.addEventListener("toggle", () => this.tabulate());
  }

  /** Show this value of the page. */
  update(data) {
    this.data = data;
    this.draw();
    this.tabulate();
  }

  get from() {
    return this.data.at - this.data.span_s;
  }

  x(at) {
    return LEFT + ((at - this.from) / this.data.span_s) * (this.width - LEFT - RIGHT);
  }

  y(value) {
    return HEIGHT - BOTTOM - (value / this.most) * (HEIGHT - TOP - BOTTOM);
  }

  draw() {
    this.width = this.plot.clientWidth;
    if (this.data === null || this.width < LEFT * 2) return;
    const { pools, at } = this.data;
    const values = pools.flatMap((pool) => pool.points.map(this.pick));
    const ticks = valueTicks(Math.max(0, ...values), 4, this.whole);
    this.most = ticks.at(-1);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    this.svg.setAttribute("aria-label", this.words());
    this.svg.replaceChildren(
      ...ticks.map((value) => this.level(value)),
      ...timeTicks(this.from, at, Math.floor(this.width / 75)).map((tick) => this.hour(tick)),
      ...pools.map((pool, index) => this.line(pool.points, index)),
      ...(values.length ? [] : [this.nothing()]),
      ...(this.cursor === null ? [] : [this.hair()]),
    );
    this.name(pools);
    this.read();
  }

  level(value) {
    const y = this.y(value);
    return drawn("g", {},
      drawn("line", { class: value ? "nm-grid" : "nm-axis", x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }),
      drawn("text", { class: "nm-tick", x: LEFT - 8, y: y + 4, "text-anchor": "end" }, short(value)));
  }

  hour(tick) {
    const x = this.x(tick);
    const isLast = x > this.width - RIGHT - 16;
    return drawn("g", {},
      drawn("line", { class: "nm-axis", x1: x, x2: x, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }),
      drawn("text", { class: "nm-tick", x: isLast ? this.width - 2 : x, y: HEIGHT - 5,
        "text-anchor": isLast ? "end" : "middle" }, clock(tick)));
  }

  line(points, index) {
    const inside = points.filter(([at]) => at >= this.from);
    const strokes = inside.map((point, i) => {
      const leads = point.at(-1) && i > 0;
      return `${leads ? "L" : "M"}${this.x(point[0]).toFixed(1)} ${this.y(this.pick(point)).toFixed(1)}`;
    });
    const dots = inside.filter((point, i) => !(point.at(-1) && i > 0) && !inside[i + 1]?.at(-1));
    return drawn("g", { class: `nm-series nm-colour-${index % COLOURS}` },
      drawn("path", { d: strokes.join("") }),
      ...dots.map((point) =>
        drawn("circle", { cx: this.x(point[0]), cy: this.y(this.pick(point)), r: 2 })));
  }

  nothing() {
    return drawn("text", { class: "nm-tick", x: (this.width + LEFT) / 2, y: HEIGHT / 2,
      "text-anchor": "middle" }, "Nothing ran in this time");
  }

  hair() {
    const x = this.x(this.cursor);
    return drawn("line", { class: "nm-hair", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM });
  }

  /** The legend, with the newest value of each pool. */
  name(pools) {
    show(this.legend, pools.map((pool, index) =>
      element("li", { class: `nm-colour-${index % COLOURS}` }, element("span", { class: "nm-key" }),
        pool.name, " ", element("b", {}, this.newest(pool)))));
  }

  newest(pool) {
    const last = pool.points.at(-1);
    const isFresh = last && this.data.at - last[0] < Math.max(20, this.data.width_s * 1.5);
    return isFresh ? this.say(this.pick(last)) : "–";
  }

  words() {
    const each = this.data.pools.map((pool) => `${pool.name} ${this.newest(pool)}`);
    return `${this.title}, ${this.unit}. Now: ${each.join(", ") || "nothing"}.`;
  }

  /** Move the reading to a place, or away. */
  point(x) {
    if (this.data === null) return;
    const share = x === null ? null : (x - LEFT) / (this.width - LEFT - RIGHT);
    this.cursor = share === null ? null
      : this.from + Math.min(1, Math.max(0, share)) * this.data.span_s;
    this.draw();
  }

  /** What the pools had where the cursor is. */
  read() {
    const found = this.cursor === null ? [] : this.data.pools
      .map((pool, index) => ({ pool, index, point: this.near(pool.points) }))
      .filter(({ point }) => point);
    this.reading.hidden = found.length === 0;
    if (this.reading.hidden) return;
    this.reading.replaceChildren(
      element("strong", {}, clock(found[0].point[0], true)),
      ...found.map(({ pool, index, point }) =>
        element("span", { class: `nm-colour-${index % COLOURS}` },
          element("span", { class: "nm-key" }), pool.name, " ",
          element("b", {}, this.say(this.pick(point))))));
    const x = this.x(this.cursor);
    const isRight = x > this.width / 2;
    this.reading.style.left = isRight ? "auto" : `${x + 10}px`;
    this.reading.style.right = isRight ? `${this.width - x + 10}px` : "auto";
  }

  near(points) {
    const reach = Math.max(this.data.width_s * 1.5, 15);
    const off = (point) => Math.abs(point[0] - this.cursor);
    const best = points.reduce((a, b) => (a && off(a) <= off(b) ? a : b), null);
    return best && off(best) <= reach ? best : null;
  }

  tabulate() {
    if (!this.details.open || this.data === null) return;
    const { pools, width_s: width } = this.data;
    const stretches = new Map();
    pools.forEach((pool, index) => pool.points.forEach((point) => {
      const stretch = Math.floor(point[0] / width);
      if (!stretches.has(stretch)) stretches.set(stretch, { at: point[0], cells: [] });
      stretches.get(stretch).cells[index] = this.say(this.pick(point));
    }));
    const newest = [...stretches.values()].sort((a, b) => b.at - a.at).slice(0, ROWS);
    show(this.table, [
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Time"),
        ...pools.map((pool) => element("th", { scope: "col" }, pool.name)))),
      element("tbody", {}, ...newest.map(({ at, cells }) =>
        element("tr", {}, element("th", { scope: "row" }, clock(at, true)),
          ...pools.map((_, index) => element("td", {}, cells[index] ?? "–"))))),
    ]);
  }
}
