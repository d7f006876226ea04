import type { Measure, TrendSeries } from "../../api/history";
import { apart, instantsOf, labelled, runs, ticks } from "./scale";

export interface Drawn {
  series: TrendSeries;
  name: string;
  /** Colour and dashes together tell lines apart. */
  color: string;
  dash: string;
}

interface Props {
  /** What is drawn, at least one. */
  drawn: Drawn[];
  /** All groups: their instants are the axis, whichever of them are drawn. */
  all: TrendSeries[];
  show: Measure;
  label: string;
}

const width = 760;
const height = 320;
const left = 44;
const right = 150;
const top = 12;
const bottom = 286;

const dayMS = 86_400_000;

/** An instant on the axis: the day, and the time when days do not tell instants apart. */
export function axisText(instant: number, apart: number): string {
  const iso = new Date(instant).toISOString();
  return apart < dayMS ? `${iso.slice(5, 10)} ${iso.slice(11, 16)}` : iso.slice(0, 10);
}

/** A name that fits beside the chart. Names of one federation often begin alike, so that what is left out is in the middle. */
export const short = (name: string): string => (name.length > 18 ? `${name.slice(0, 8)}…${name.slice(-9)}` : name);

/** Lines over time, named at their ends. Everything in it is also in the tables beside and below. */
export function Chart({ drawn, all, show, label }: Props) {
  const instants = instantsOf(all);
  const first = instants[0] ?? 0;
  const last = instants.at(-1) ?? 0;
  const steps = ticks(Math.max(0, ...drawn.flatMap((d) => d.series.points.map((p) => p[show]))));
  const most = steps.at(-1) ?? 1;
  const x = (instant: number) =>
    last === first ? (width - right + left) / 2 : left + ((instant - first) / (last - first)) * (width - right - left);
  const y = (value: number) => bottom - (value / most) * (bottom - top);
  const marks = labelled(instants, 6);
  const between = (instants[1] ?? dayMS) - first;
  const ends = drawn.map((d) => {
    const end = d.series.points.at(-1);
    return end ? { x: x(Date.parse(end.at)), y: y(end[show]) } : { x: left, y: bottom };
  });
  const names = apart(
    ends.map((e) => e.y),
    15,
    bottom,
  );
  return (
    <svg className="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {steps.map((s) => (
        <g key={s}>
          <line x1={left} x2={width - right} y1={y(s)} y2={y(s)} className={s === 0 ? "axis" : "grid"} />
          <text x={left - 8} y={y(s) + 4} textAnchor="end">
            {s.toLocaleString("en")}
          </text>
        </g>
      ))}
      {marks.map((m) => (
        <g key={m}>
          <line x1={x(m)} x2={x(m)} y1={bottom} y2={bottom + 5} className="axis" />
          <text x={x(m)} y={bottom + 20} textAnchor="middle">
            {axisText(m, between)}
          </text>
        </g>
      ))}
      {drawn.map((d, i) => {
        const end = ends[i];
        const name = names[i] ?? bottom;
        return (
          <g key={d.series.group} style={{ color: d.color }}>
            {runs(d.series.points, instants).map((run) => (
              <g key={run[0]?.at}>
                <polyline
                  points={run.map((p) => `${x(Date.parse(p.at))},${y(p[show])}`).join(" ")}
                  strokeDasharray={d.dash}
                  className="line"
                />
                {(run.length === 1 || instants.length <= 40) &&
                  run.map((p) => (
                    <circle key={p.at} cx={x(Date.parse(p.at))} cy={y(p[show])} r={2.5} className="dot" />
                  ))}
              </g>
            ))}
            {end && (
              <>
                <line x1={end.x + 4} y1={end.y} x2={width - right + 12} y2={name} className="leader" />
                <text x={width - right + 16} y={name + 4} className="name">
                  {short(d.name)}
                </text>
              </>
            )}
          </g>
        );
      })}
    </svg>
  );
}
