// The learning curves of some runs on one chart: the error of every few updates, thin, and their running mean.

const HEIGHT = 180, LEFT = 34, RIGHT = 12, TOP = 10, BOTTOM = 34;
const TICKS = 5, WINDOW = 5;
const SHORTEST = 400; // updates that the chart is wide at first

/** Draws runs { kind, curve, solvedAt }, whose rows are { update, error }. */
export function drawChart(svg, runs) {
  const width = svg.clientWidth, rows = runs.flatMap(({ curve }) => curve);
  const across = scale(Math.max(SHORTEST, ...rows.map(({ update }) => update)), LEFT, width - RIGHT);
  const up = scale(Math.max(1, ...rows.map(({ error }) => error)), HEIGHT - BOTTOM, TOP);
  svg.innerHTML = [
    ...ticksOf(up.most).map((tick) =>
      `<line x1="${LEFT}" x2="${width - RIGHT}" y1="${up(tick)}" y2="${up(tick)}"/>` +
      `<text x="${LEFT - 6}" y="${up(tick) + 4}" text-anchor="end">${tick.toLocaleString("en")}</text>`),
    ...ticksOf(across.most).map((tick) =>
      `<text x="${across(tick)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${tick.toLocaleString("en")}</text>`),
    `<text x="${width - RIGHT}" y="${HEIGHT - 4}" text-anchor="end">updates</text>`,
    ...runs.map((run) => lineOf(run, across, up)),
  ].join("");
}

function lineOf({ kind, curve, solvedAt }, across, up) {
  const smooth = curve.map(({ update }, index) => {
    const window = curve.slice(Math.max(0, index + 1 - WINDOW), index + 1);
    return { update, error: window.reduce((sum, { error }) => sum + error, 0) / window.length };
  });
  const points = (rows) => rows.map(({ update, error }) => `${across(update).toFixed(1)},${up(error).toFixed(1)}`).join(" ");
  const solved = smooth.find(({ update }) => update === solvedAt);
  const mark = solved ? `<circle class="${kind}" cx="${across(solved.update)}" cy="${up(solved.error)}" r="5"/>` : "";
  return `<polyline class="rows ${kind}" points="${points(curve)}"/><polyline class="${kind}" points="${points(smooth)}"/>${mark}`;
}

// From 0 to `most` to places.
function scale(most, start, end) {
  const place = (value) => start + (value / most) * (end - start);
  return Object.assign(place, { most });
}

function ticksOf(most) {
  const power = 10 ** Math.floor(Math.log10(most / TICKS));
  const step = power * [1, 2, 5, 10].find((factor) => power * factor >= most / TICKS);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
}
