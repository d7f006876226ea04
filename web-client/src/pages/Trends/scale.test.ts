import { expect, test } from "vitest";
import { apart, instantsOf, labelled, largestFirst, runs, ticks, valueAt } from "./scale";

const at = (day: number) => `2026-11-${String(day).padStart(2, "0")}T00:00:00Z`;
const point = (day: number, fail: number) => ({ at: at(day), sites: 1, fail, unknown: 0, waived: 0 });

test.each([
  [0, [0, 1]],
  [1, [0, 1]],
  [4, [0, 1, 2, 3, 4]],
  [7, [0, 2, 4, 6, 8]],
  [43, [0, 10, 20, 30, 40, 50]],
  [1234, [0, 500, 1000, 1500]],
])("the axis for %d", (max, want) => expect(ticks(max)).toEqual(want));

test("the last instant is always labelled, and no more than asked for", () => {
  const instants = Array.from({ length: 31 }, (_, i) => i);
  expect(labelled(instants, 6)).toEqual([0, 6, 12, 18, 24, 30]);
  expect(labelled([1, 2], 6)).toEqual([1, 2]);
  expect(labelled([1], 6)).toEqual([1]);
  expect(labelled([], 6)).toEqual([]);
});

test("a line breaks where a group has no point", () => {
  const points = [point(1, 3), point(2, 4), point(4, 5)];
  const instants = [1, 2, 3, 4].map((d) => Date.parse(at(d)));
  expect(runs(points, instants).map((r) => r.map((p) => p.fail))).toEqual([[3, 4], [5]]);
});

test("the largest at the last instant come first; a group without a point there comes after one with none", () => {
  const series = [
    { group: "gone", points: [point(1, 9)] },
    { group: "none", points: [point(2, 0)] },
    { group: "most", points: [point(1, 1), point(2, 5)] },
  ];
  expect(largestFirst(series, "fail").map((s) => s.group)).toEqual(["most", "none", "gone"]);
  const instants = instantsOf(series);
  expect(instants).toEqual([Date.parse(at(1)), Date.parse(at(2))]);
  expect(valueAt({ group: "gone", points: [point(1, 9)] }, instants[1], "fail")).toBeUndefined();
});

test("labels keep their distance and stay above the bottom", () => {
  expect(apart([10, 12, 100], 14, 200)).toEqual([10, 24, 100]);
  expect(apart([198, 199, 200], 14, 200)).toEqual([172, 186, 200]);
  expect(apart([50, 20], 14, 200)).toEqual([50, 20]);
});
