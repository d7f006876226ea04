import type { RegionMismatch } from "../../api/fleet";
import { roundTrip } from "../../numbers";
import type { Point } from "./world";
import { project } from "./world";

const order = ["critical", "high", "medium", "low", "info"];

/** All mismatches that go from one region to one other. */
export interface Way {
  id: string;
  from: { name: string; at: Point };
  to: { name: string; at: Point };
  items: RegionMismatch[];
  severity: string | null;
  /** The round trip of the worst of them, null when it is not known of any. */
  roundTrip: string | null;
}

const key = (p: { provider: string; region: string }) => `${p.provider}/${p.region}`;
const rank = (s: string | null) => (s === null ? order.length : order.indexOf(s));

/** The ways that can be drawn, worst first; a mismatch with Foundation nodes in two regions is on two. What has no place on the map is on none. */
export function ways(items: RegionMismatch[]): Way[] {
  const found = new Map<string, Way>();
  for (const m of items) {
    const to = m.database && project(m.database);
    if (!m.database || !to) {
      continue;
    }
    for (const t of m.thingworx) {
      const from = project(t);
      if (from === null || key(t) === key(m.database)) {
        continue;
      }
      const id = `${key(t)} ${key(m.database)}`;
      const w = found.get(id) ?? {
        id,
        from: { name: t.name, at: from },
        to: { name: m.database.name, at: to },
        items: [],
        severity: null,
        roundTrip: null,
      };
      found.set(id, w);
      w.items.push(m);
      if (rank(m.severity) < rank(w.severity)) {
        w.severity = m.severity;
      }
      w.roundTrip ??= m.roundTrip ? roundTrip(m.roundTrip.p95) : null;
    }
  }
  return [...found.values()].sort((a, b) => rank(a.severity) - rank(b.severity) || b.items.length - a.items.length);
}

/** The mismatches that are on no way, because the place of a region is not known. */
export function unplaced(items: RegionMismatch[]): RegionMismatch[] {
  const placed = new Set(ways(items).flatMap((w) => w.items.map((m) => m.id)));
  return items.filter((m) => !placed.has(m.id));
}

/** Who is on the way: the sites' names when they are few. */
export function wayLabel(w: Way): string {
  const names = [...new Set(w.items.map((m) => m.siteName))];
  return names.length <= 2 ? names.join(", ") : `${w.items.length} clusters`;
}

/** Round trip and distance of one mismatch in words. */
export function wayText(m: RegionMismatch): string {
  const parts = [];
  if (m.roundTrip) {
    parts.push(`${roundTrip(m.roundTrip.p95)} (p95, ${m.roundTrip.source})`);
    if (m.roundTrip.measured) {
      parts.push(`measured ${roundTrip(m.roundTrip.measured)}`);
    }
  }
  if (m.distanceKm !== null) {
    parts.push(`${m.distanceKm.toLocaleString("en")} km`);
  }
  return parts.join(", ") || "round trip unknown";
}
