import { expect, test } from "vitest";
import { type Label, type Placed, place } from "./labels";
import type { Point } from "./world";

const view = { x: 0, y: 0, w: 960, h: 480 };
const size = 12;

const box = (p: Placed) => {
  const width = p.text.length * size * 0.68;
  const left = p.anchor === "start" ? p.x : p.anchor === "end" ? p.x - width : p.x - width / 2;
  return { left, right: left + width, top: p.y - size * 0.85, bottom: p.y + size * 0.25 };
};

// A small generator of its own, so that every run sees the same places.
function* places(n: number, spread: number): Generator<Point> {
  let seed = 7;
  const next = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  for (let i = 0; i < n; i++) {
    yield [480 + (next() - 0.5) * spread, 240 + (next() - 0.5) * (spread / 2)];
  }
}

test.each([
  [5, 900],
  [40, 900],
  [60, 60],
])("of %i labels within %i none covers another or leaves the view", (n, spread) => {
  const labels: Label[] = [...places(n, spread)].map((at, i) => ({ id: `${i}`, text: `Plant number ${i}`, at }));
  const placed = place(
    labels,
    labels.map((l) => l.at),
    [],
    view,
    size,
  ).map(box);
  expect(placed.length).toBeGreaterThan(0);
  for (const [i, a] of placed.entries()) {
    expect(a.left).toBeGreaterThanOrEqual(view.x);
    expect(a.right).toBeLessThanOrEqual(view.x + view.w);
    for (const b of placed.slice(i + 1)) {
      expect(a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom).toBe(false);
    }
  }
});

test("two labels at one point are both readable, and the first has the better place", () => {
  const at: Point = [400, 200];
  const [first, second] = place(
    [
      { id: "a", text: "Munich", at },
      { id: "b", text: "Augsburg", at },
    ],
    [at],
    [],
    view,
    size,
  );
  expect(first).toMatchObject({ id: "a", anchor: "start" });
  expect(second).toMatchObject({ id: "b", anchor: "end" });
});

test("a label keeps clear of a line", () => {
  const at: Point = [400, 200];
  const line: Point[] = [420, 440, 460].map((x) => [x, 200]);
  expect(place([{ id: "a", text: "Munich", at }], [at], line, view, size)[0]?.anchor).toBe("end");
});

test("a label at the right edge goes to the left, and one without room is left out", () => {
  const edge: Point = [950, 200];
  expect(place([{ id: "a", text: "Auckland", at: edge }], [edge], [], view, size)[0]?.anchor).toBe("end");
  const narrow = { x: 0, y: 0, w: 20, h: 10 };
  expect(place([{ id: "a", text: "Auckland", at: [10, 5] }], [], [], narrow, size)).toEqual([]);
});
