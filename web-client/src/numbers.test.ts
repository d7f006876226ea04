import { expect, test } from "vitest";
import { percent, roundTrip, seconds, total } from "./numbers";

test.each([
  [0.5, "50.00 %"],
  [0.9995, "99.950 %"],
  [0.99995, "99.99500 %"],
  [1, "100.00000 %"],
])("%f is %s", (p, words) => expect(percent(p)).toBe(words));

test.each([
  ["0s", 0],
  ["0", 0],
  ["15m", 900],
  ["1h30m", 5400],
  ["1.5h", 5400],
  ["20ms", 0.02],
  ["soon", null],
  ["", null],
])("%s lasts %s s", (d, s) => (s === null ? expect(seconds(d)).toBeNull() : expect(seconds(d)).toBeCloseTo(s, 9)));

test.each([
  [["0s", "15m", "50m"], "1h5m"],
  [["0s"], "none"],
  [["15m", "a while"], null],
  [["40s", "30s"], "1m10s"],
  [[], "none"],
])("%j together last %s", (list, words) => expect(total(list)).toBe(words));

test.each([
  ["20ms", "20 ms"],
  ["25.846666ms", "26 ms"],
  ["813.333µs", "0.8 ms"],
  ["soon", "soon"],
])("a round trip of %s is shown as %s", (d, words) => expect(roundTrip(d)).toBe(words));
