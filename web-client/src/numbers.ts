/** A probability in per cent, with as many digits as tell it from 100. */
export const percent = (p: number): string => `${(p * 100).toFixed(p > 0.9999 ? 5 : p > 0.99 ? 3 : 2)} %`;

const unit: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 0.001, us: 0.000001, µs: 0.000001, ns: 0.000000001 };

/** Seconds of a duration in Go notation, for example 1h30m; null for what is none. */
export function seconds(duration: string): number | null {
  if (!/^(\d+(\.\d+)?(h|m|s|ms|us|µs|ns))+$/.test(duration)) {
    return duration === "0" ? 0 : null;
  }
  let sum = 0;
  for (const [, n, u] of duration.matchAll(/(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)/g)) {
    sum += Number(n) * (unit[u ?? ""] ?? 0);
  }
  return sum;
}

/** A round trip as people compare them: in milliseconds with a tenth below ten; what is no duration as it is. */
export function roundTrip(duration: string): string {
  const s = seconds(duration);
  return s === null ? duration : `${(s * 1000).toFixed(s < 0.01 ? 1 : 0)} ms`;
}

/** Sum of durations in the largest two units; null when one of them is none. */
export function total(durations: string[]): string | null {
  let sum = 0;
  for (const d of durations) {
    const s = seconds(d);
    if (s === null) {
      return null;
    }
    sum += s;
  }
  const parts = [
    [Math.floor(sum / 3600), "h"],
    [Math.floor((sum % 3600) / 60), "m"],
    [Math.round(sum % 60), "s"],
  ] as const;
  return (
    parts
      .filter(([n]) => n > 0)
      .slice(0, 2)
      .map(([n, u]) => `${n}${u}`)
      .join("") || "none"
  );
}

/** Time in a year that a chance to serve leaves out, in its largest two units. */
export function downtime(serving: number): string {
  const minutes = Math.round((1 - serving) * 365 * 24 * 60);
  const parts = [
    [Math.floor(minutes / 1440), "d"],
    [Math.floor((minutes % 1440) / 60), "h"],
    [minutes % 60, "m"],
  ] as const;
  const words = parts.filter(([n]) => n > 0).slice(0, 2);
  return words.length === 0 ? "less than a minute" : words.map(([n, u]) => `${n}${u}`).join("");
}
