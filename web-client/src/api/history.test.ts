import { expect, test } from "vitest";
import { fromField, lastDays, spanState, toField, trendState } from "./history";

test("the last days end at the moment they are asked for, and both ends are fixed", () => {
  const now = Date.parse("2026-11-20T08:00:01.5Z");
  expect(lastDays(7, now)).toEqual({ from: "2026-11-13T08:00:01Z", to: "2026-11-20T08:00:01Z" });
});

test("a field shows an instant in UTC and gives it back", () => {
  expect(toField("2026-11-20T09:30:00+02:00")).toBe("2026-11-20T07:30:00");
  expect(toField("yesterday")).toBe("");
  expect(toField(undefined)).toBe("");
  expect(fromField("2026-11-20T07:30")).toBe("2026-11-20T07:30:00Z");
  expect(fromField("2026-11-20T07:30:05")).toBe("2026-11-20T07:30:05Z");
  expect(fromField("")).toBeUndefined();
  expect(fromField("7 o'clock")).toBeUndefined();
});

test("an address holds what the page is about and nothing else", () => {
  expect(spanState({ from: "a", to: "b", filter: "", site: "muc-01", other: 1 })).toEqual({
    from: "a",
    to: "b",
    site: "muc-01",
  });
  expect(trendState({ from: "a", every: "1h", by: "tag.x", show: "waived", draw: ["x", 1], filter: "y" })).toEqual({
    from: "a",
    every: "1h",
    by: "tag.x",
    show: "waived",
    draw: ["x"],
  });
  expect(trendState({ show: "everything", draw: "x" })).toEqual({});
});
