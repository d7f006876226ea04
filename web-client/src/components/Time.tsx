const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** Age in words, in the largest unit that is at least one. */
export function age(iso: string, now: number): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size || unit === "second") {
      return relative.format(Math.trunc(seconds / size), unit);
    }
  }
  return iso;
}

export const absolute = (iso: string): string => `${iso.slice(0, 16).replace("T", " ")} UTC`;

/** An instant: how long ago, the exact time in UTC beside the pointer. */
export function Time({ at }: { at: string | undefined | null }) {
  if (!at) {
    return <span>unknown</span>;
  }
  return (
    <time dateTime={at} title={absolute(new Date(at).toISOString())}>
      {age(at, Date.now())}
    </time>
  );
}
