// Where a chart has its ticks.

const MINUTE = 60;
const HOUR = 3600;
const TIME_STEPS = [MINUTE, 2 * MINUTE, 3 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE,
  30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR];

/** Round values from 0 to at least `most`, about `wanted` of them; whole ones if asked for. */
export function valueTicks(most, wanted, whole) {
  if (most <= 0) return [0, 1];
  const rough = (whole ? Math.max(most, wanted) : most) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power)
    .find((each) => each >= rough * (1 - 1e-9) && (!whole || Number.isInteger(each)));
  const ticks = [];
  for (let i = 0; ticks.length < 2 || ticks.at(-1) < most * (1 - 1e-9); i += 1) ticks.push(i * step);
  return ticks;
}

/** Full minutes or hours of this place's clock between two times, at most `wanted` of them. */
export function timeTicks(from, to, wanted) {
  const step = TIME_STEPS.find((each) => (to - from) / each <= wanted) ?? TIME_STEPS.at(-1);
  const shift = new Date(to * 1000).getTimezoneOffset() * MINUTE;
  const ticks = [];
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) ticks.push(at);
  return ticks;
}
