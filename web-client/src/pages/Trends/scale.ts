import type { Measure, TrendPoint, TrendSeries } from "../../api/history";

/** Whole numbers from 0 to at least max, in at most five steps that people count in. */
export function ticks(max: number): number[] {
  if (max <= 0) {
    return [0, 1];
  }
  const rough = max / 5;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? 10 * power;
  const out = [0];
  while ((out.at(-1) ?? 0) < max) {
    out.push((out.at(-1) ?? 0) + step);
  }
  return out;
}

/** Instants from the first to the last that are labelled, at most so many, each of them one of those given. */
export function labelled(instants: number[], most: number): number[] {
  const every = Math.max(1, Math.ceil((instants.length - 1) / Math.max(1, most - 1)));
  // Counted from the last, because the present is what people look for.
  return instants.filter((_, i) => (instants.length - 1 - i) % every === 0);
}

/** Runs of points without a gap. Where a group has no point it has nothing, and a line across would say otherwise. */
export function runs(points: TrendPoint[], instants: number[]): TrendPoint[][] {
  const at = new Map(points.map((p) => [Date.parse(p.at), p]));
  const out: TrendPoint[][] = [];
  let run: TrendPoint[] | undefined;
  for (const instant of instants) {
    const point = at.get(instant);
    if (point === undefined) {
      run = undefined;
    } else if (run === undefined) {
      run = [point];
      out.push(run);
    } else {
      run.push(point);
    }
  }
  return out;
}

/** All instants of which some group has a point, in order. */
export function instantsOf(series: TrendSeries[]): number[] {
  return [...new Set(series.flatMap((s) => s.points.map((p) => Date.parse(p.at))))].sort((a, b) => a - b);
}

/** The number of a group at an instant; nothing where it has no point. */
export function valueAt(s: TrendSeries, instant: number | undefined, show: Measure): number | undefined {
  return s.points.find((p) => Date.parse(p.at) === instant)?.[show];
}

/** Groups with the most at the last instant first, then by their most ever, then by name. */
export function largestFirst(series: TrendSeries[], show: Measure): TrendSeries[] {
  const last = instantsOf(series).at(-1);
  const key = (s: TrendSeries) => [valueAt(s, last, show) ?? -1, Math.max(0, ...s.points.map((p) => p[show]))] as const;
  return series
    .map((s) => ({ s, key: key(s) }))
    .sort((a, b) => b.key[0] - a.key[0] || b.key[1] - a.key[1] || a.s.group.localeCompare(b.s.group))
    .map(({ s }) => s);
}

/** Heights of labels, in the order given, moved apart so that none lies over another, and none below the bottom. */
export function apart(heights: number[], least: number, bottom: number): number[] {
  const order = heights.map((y, i) => ({ y, i })).sort((a, b) => a.y - b.y);
  for (let k = 1; k < order.length; k++) {
    const [above, here] = [order[k - 1], order[k]];
    if (above && here) {
      here.y = Math.max(here.y, above.y + least);
    }
  }
  for (let k = order.length - 1, limit = bottom; k >= 0; k--) {
    const here = order[k];
    if (here) {
      here.y = Math.min(here.y, limit);
      limit = here.y - least;
    }
  }
  const out = [...heights];
  for (const { y, i } of order) {
    out[i] = y;
  }
  return out;
}
