import { expect, test } from "vitest";
import { cellar, northEurope, westEurope } from "../../test/sample";
import { curve, extent, height, type Point, project, top, width, world } from "./world";

const at = (p: typeof westEurope): Point => {
  const point = project(p);
  if (point === null) {
    throw new Error(`${p.name} has no place`);
  }
  return point;
};

test("a place that is not known is nowhere, also not in the Gulf of Guinea", () => {
  expect(project(cellar)).toBeNull();
  expect(project({ latitude: 52, longitude: null })).toBeNull();
  expect(project({ latitude: null, longitude: 0 })).toBeNull();
});

test("places lie on the map as on the earth", () => {
  const [ams, dub] = [at(westEurope), at(northEurope)];
  expect(ams[0]).toBeGreaterThan(dub[0]);
  expect(ams[1]).toBeGreaterThan(dub[1]);
  const sydney = project({ latitude: -33.9, longitude: 151.2 });
  expect(sydney?.[0]).toBeGreaterThan(ams[0]);
  expect(sydney?.[1]).toBeGreaterThan(height / 2);
});

test("a curve starts and ends at its points and rises between, also when they are near", () => {
  const d = curve([100, 100], [104, 100]);
  expect(d).toMatch(/^M100\.0,100\.0Q102\.0,92\.0 104\.0,100\.0$/);
  expect(top([100, 100], [104, 100])).toEqual([102, 96]);
  expect(top([0, 200], [400, 200])[1]).toBe(150);
});

test("an extent holds all points with room around, in the shape of the map", () => {
  for (const points of [
    [at(westEurope), at(northEurope)],
    [
      [10, 10],
      [900, 400],
    ],
    [[5, 470]],
    [[width - 1, 1]],
  ] as Point[][]) {
    const v = extent(points, 48);
    expect(v.w / v.h).toBeCloseTo(2);
    expect(v.x).toBeGreaterThanOrEqual(0);
    expect(v.y).toBeGreaterThanOrEqual(0);
    expect(v.x + v.w).toBeLessThanOrEqual(width + 1e-9);
    expect(v.y + v.h).toBeLessThanOrEqual(height + 1e-9);
    for (const [x, y] of points) {
      expect(x).toBeGreaterThanOrEqual(v.x);
      expect(x).toBeLessThanOrEqual(v.x + v.w);
      expect(y).toBeGreaterThanOrEqual(v.y);
      expect(y).toBeLessThanOrEqual(v.y + v.h);
    }
  }
});

test("a short way fills its own view well, and no points show the world", () => {
  const v = extent([at(westEurope), at(northEurope)], 48);
  expect((at(westEurope)[0] - at(northEurope)[0]) / v.w).toBeGreaterThan(0.4);
  expect(extent([])).toEqual(world);
});
