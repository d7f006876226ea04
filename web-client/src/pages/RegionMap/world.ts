import { geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import land from "world-atlas/land-110m.json";

export const width = 960;
export const height = 480;

const topology = land as unknown as Topology<{ land: GeometryCollection }>;
const projection = geoNaturalEarth1().fitExtent(
  [
    [4, 4],
    [width - 4, height - 4],
  ],
  { type: "Sphere" },
);
const path = geoPath(projection);

export const spherePath = path({ type: "Sphere" }) ?? "";
export const landPath = path(feature(topology, topology.objects.land)) ?? "";

export type Point = readonly [number, number];

/** Where a place lies on the map; null when its coordinates are not known. */
export function project(p: { latitude: number | null; longitude: number | null }): Point | null {
  return p.latitude === null || p.longitude === null ? null : projection([p.longitude, p.latitude]);
}

const lift = (x1: number, y1: number, x2: number, y2: number) => Math.max(8, Math.hypot(x2 - x1, y2 - y1) * 0.25);

/**
 * A curve between two points of the map. It is drawn in the plane and not along the great circle, which the projection
 * would cut at the edge of the map. Its height grows with the distance, so that short ways are still seen.
 */
export function curve([x1, y1]: Point, [x2, y2]: Point): string {
  const mx = (x1 + x2) / 2;
  const my = (y1 + y2) / 2 - lift(x1, y1, x2, y2);
  return `M${x1.toFixed(1)},${y1.toFixed(1)}Q${mx.toFixed(1)},${my.toFixed(1)} ${x2.toFixed(1)},${y2.toFixed(1)}`;
}

export interface View {
  x: number;
  y: number;
  w: number;
  h: number;
}

export const world: View = { x: 0, y: 0, w: width, h: height };

/** Points on the curve between two points of the map, without its ends. */
export function along([x1, y1]: Point, [x2, y2]: Point): Point[] {
  const cx = (x1 + x2) / 2;
  const cy = (y1 + y2) / 2 - lift(x1, y1, x2, y2);
  const on = (a: number, c: number, b: number, t: number) => (1 - t) ** 2 * a + 2 * t * (1 - t) * c + t ** 2 * b;
  return Array.from({ length: 15 }, (_, i) => (i + 1) / 16).map((t) => [on(x1, cx, x2, t), on(y1, cy, y2, t)] as const);
}

/** The middle of a curve, where its words stand. */
export function top([x1, y1]: Point, [x2, y2]: Point): Point {
  return [(x1 + x2) / 2, (y1 + y2) / 2 - lift(x1, y1, x2, y2) / 2];
}

/** The part of the map that shows all points with room around them, at least `least` wide; the whole map when there are none. */
export function extent(points: Point[], least = 160): View {
  if (points.length === 0) {
    return world;
  }
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const w = Math.min(
    width,
    Math.max(least, (Math.max(...xs) - Math.min(...xs)) * 1.7, (Math.max(...ys) - Math.min(...ys)) * 3.4),
  );
  const h = w / 2;
  const clamp = (v: number, most: number) => Math.max(0, Math.min(v, most));
  return {
    x: clamp((Math.min(...xs) + Math.max(...xs)) / 2 - w / 2, width - w),
    y: clamp((Math.min(...ys) + Math.max(...ys)) / 2 - h / 2, height - h),
    w,
    h,
  };
}
