import { useCallback, useSyncExternalStore } from "react";

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "short" });

/** Age in words, in the largest unit that is at least one. */
export function age(iso: string, now: number): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  if (Number.isNaN(seconds)) {
    return iso;
  }
  // The server's clock may be a little ahead of this one.
  if (seconds >= 0 && seconds < 30) {
    return "just now";
  }
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) {
      return relative.format(Math.trunc(seconds / size), unit);
    }
  }
  return iso;
}

export const absolute = (iso: string): string => `${iso.slice(0, 19).replace("T", " ")} UTC`;

/** One timer for all instants that are shown; it runs only while there are any. */
function ticker(every: number): (tick: () => void) => () => void {
  const shown = new Set<() => void>();
  let timer: ReturnType<typeof setInterval> | undefined;
  return (tick) => {
    shown.add(tick);
    timer ??= setInterval(() => {
      for (const each of shown) {
        each();
      }
    }, every);
    return () => {
      shown.delete(tick);
      if (shown.size === 0) {
        clearInterval(timer);
        timer = undefined;
      }
    };
  };
}

const subscribe = ticker(1000);

/** An instant: how long ago, the exact time in UTC beside the pointer and in print. It is drawn anew only when its words change. */
export function Time({ at }: { at: string | undefined | null }) {
  const words = useSyncExternalStore(
    subscribe,
    useCallback(() => (at ? age(at, Date.now()) : "unknown"), [at]),
  );
  if (!at) {
    return <span>unknown</span>;
  }
  const parsed = new Date(at);
  const utc = Number.isNaN(parsed.getTime()) ? at : absolute(parsed.toISOString());
  return (
    <time className="nowrap" dateTime={at} title={utc} data-utc={utc}>
      {words}
    </time>
  );
}
