import { act, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { show } from "../test/app";
import { absolute, age, Time } from "./Time";

const now = Date.parse("2026-11-20T08:00:00Z");

test.each([
  ["2026-11-20T07:59:30Z", "30 sec. ago"],
  ["2026-11-20T07:59:00Z", "1 min. ago"],
  ["2026-11-20T07:01:00Z", "59 min. ago"],
  ["2026-11-20T06:00:00Z", "2 hr. ago"],
  ["2026-11-18T08:00:00Z", "2 days ago"],
  ["2026-09-01T08:00:00Z", "2 mo. ago"],
  ["2024-11-20T08:00:00Z", "2 yr. ago"],
  ["2026-11-20T08:00:00Z", "just now"],
  ["2026-11-20T08:00:10Z", "just now"],
  ["2026-11-20T09:00:00Z", "in 1 hr."],
  ["not a time", "not a time"],
])("%s is %s", (iso, words) => expect(age(iso, now)).toBe(words));

test("the exact time is told in UTC", () => {
  expect(absolute("2026-11-20T08:00:01.5Z")).toBe("2026-11-20 08:00:01 UTC");
});

afterEach(() => vi.useRealTimers());

test("an age grows by itself, and the exact time is beside the pointer in UTC", () => {
  vi.useFakeTimers({ now });
  show(<Time at="2026-11-20T09:59:00+02:00" />);
  const time = screen.getByText("1 min. ago");
  expect(time).toHaveAttribute("title", "2026-11-20 07:59:00 UTC");
  act(() => vi.advanceTimersByTime(60_000));
  expect(time).toHaveTextContent("2 min. ago");
});

test("no timer runs when no time is shown", () => {
  vi.useFakeTimers({ now });
  const { unmount } = show(<Time at="2026-11-20T07:59:00Z" />);
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  unmount();
  expect(vi.getTimerCount()).toBe(0);
});

test("no time is unknown", () => {
  show(<Time at={undefined} />);
  expect(screen.getByText("unknown")).toBeVisible();
});
