import { act, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { Events, open, serve } from "../test/app";
import * as sample from "../test/sample";

afterEach(() => vi.useRealTimers());

test("many changes at once are read once, and a lost stream is told and opened again", async () => {
  const asked = serve({ "/sites": sample.page([sample.site()]) });
  open("/");
  await screen.findByRole("link", { name: "Munich" });
  const reads = () => asked.filter((a) => a.path === "/sites").length;
  expect(reads()).toBe(1);
  vi.useFakeTimers();
  const first = Events.last;
  act(() => first?.onopen?.());
  expect(screen.getByTitle("Changes appear by themselves")).toHaveTextContent("live");
  act(() => {
    first?.dispatchEvent(new Event("fleet"));
    first?.dispatchEvent(new Event("fleet"));
    first?.dispatchEvent(new Event("reset"));
  });
  await act(() => vi.advanceTimersByTimeAsync(600));
  expect(reads()).toBe(2);
  act(() => {
    first?.dispatchEvent(new Event("fleet"));
  });
  await act(() => vi.advanceTimersByTimeAsync(600));
  expect(reads()).toBe(2);
  await act(() => vi.advanceTimersByTimeAsync(2000));
  expect(reads()).toBe(3);
  act(() => {
    first?.close();
    first?.onerror?.();
  });
  expect(screen.getByText("not live")).toBeVisible();
  await act(() => vi.advanceTimersByTimeAsync(5000));
  expect(Events.last).not.toBe(first);
  act(() => Events.last?.onopen?.());
  await act(() => vi.advanceTimersByTimeAsync(3000));
  vi.useRealTimers();
  await waitFor(() => expect(reads()).toBe(4));
});
