// Numbers and times as `nightmill status` says them.

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** 1,204 */
export function count(number) {
  return Math.round(number).toLocaleString("en-US");
}

/** 0.04, 7.3, 1,240: as many digits as tell something. */
export function rate(perSecond) {
  if (perSecond >= 100) return count(perSecond);
  if (perSecond >= 1) return perSecond.toFixed(1);
  return String(Number(perSecond.toPrecision(2)));
}

/** 45 s, 3 min 20 s, 7 h 05 min */
export function duration(seconds) {
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${two(whole % MINUTE)} s`;
  return `${Math.floor(whole / HOUR)} h ${two(Math.floor((whole % HOUR) / MINUTE))} min`;
}

/** 14:03, or 14:03:07 */
export function clock(epoch, withSeconds = false) {
  return new Date(epoch * 1000).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    ...(withSeconds && { second: "2-digit" }),
  });
}

/** 14:03 of today, or 3 Mar, 14:03 */
export function moment(epoch, now) {
  const [then, today] = [new Date(epoch * 1000), new Date(now * 1000)];
  if (then.toDateString() === today.toDateString()) return clock(epoch);
  const day = then.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return `${day}, ${clock(epoch)}`;
}

/** 950, 12k, 3.4M: for the axis of a chart. */
export function short(number) {
  if (number >= 1e6) return `${Number((number / 1e6).toPrecision(3))}M`;
  if (number >= 1e4) return `${Number((number / 1e3).toPrecision(3))}k`;
  return Number(number.toPrecision(3)).toLocaleString("en-US");
}
