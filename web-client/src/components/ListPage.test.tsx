import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { open, problem, serve } from "../test/app";
import * as sample from "../test/sample";

const many = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => sample.site({ id: `s-${from + i}`, name: `Plant ${from + i}` }));

test("the list tells how much of it is shown and what it rests on", async () => {
  serve({ "/sites": sample.page([sample.site(), sample.pune], { total: 1234 }) });
  open("/");
  expect(await screen.findByText(/^Rests on|of/, { selector: "p[role=status]" })).toHaveTextContent(
    "2 of 1,234 sites. Rests on 2 sites, 1 fresh and 1 not; 45 of 60 facts known (75 %).",
  );
  expect(document.title).toBe("Sites · Meridian");
  const pune = within(screen.getByRole("row", { name: /Pune/ }));
  expect(pune.getByText("6 unknown")).toBeVisible();
  expect(pune.getByText("stale")).toBeVisible();
  expect(pune.getByText("India")).toBeVisible();
  expect(pune.queryByText("none failing")).toBeNull();
});

test("a filter is applied with the keyboard, kept in the address, and cleared", async () => {
  const user = userEvent.setup({ delay: null });
  const asked = serve({
    "/sites": (url: URL) =>
      url.searchParams.has("filter") ? sample.page([sample.pune]) : sample.page([sample.site(), sample.pune]),
  });
  const { router } = open("/");
  await screen.findByRole("link", { name: "Munich" });
  await user.type(screen.getByRole("textbox", { name: "Filter" }), " country=IN {Enter}");
  await waitFor(() => expect(screen.queryByRole("link", { name: "Munich" })).toBeNull());
  expect(router.state.location.search).toEqual({ filter: "country=IN" });
  expect(
    asked
      .filter((a) => a.path === "/sites")
      .at(-1)
      ?.query.get("filter"),
  ).toBe("country=IN");
  await user.click(screen.getByRole("button", { name: "Clear" }));
  expect(await screen.findByRole("link", { name: "Munich" })).toBeVisible();
  expect(router.state.location.search).toEqual({});
});

test("a preset sets the filter, and set again takes it away; the order is kept", async () => {
  const user = userEvent.setup({ delay: null });
  const asked = serve({ "/sites": sample.page([sample.site()]) });
  const { router } = open("/?sort=severity");
  await user.click(await screen.findByRole("checkbox", { name: "Region mismatch" }));
  await waitFor(() => expect(router.state.location.search).toEqual({ filter: "regionMatch=false", sort: "severity" }));
  expect(screen.getByRole("textbox", { name: "Filter" })).toHaveValue("regionMatch=false");
  expect(asked.at(-1)?.query.get("sort")).toBe("severity");
  await user.click(screen.getByRole("checkbox", { name: "Region mismatch" }));
  await waitFor(() => expect(router.state.location.search).toEqual({ sort: "severity" }));
  await user.click(screen.getByRole("radio", { name: "By id" }));
  await waitFor(() => expect(router.state.location.search).toEqual({}));
});

test("a link with a filter shows the filtered list at once", async () => {
  const asked = serve({ "/sites": sample.page([sample.pune]) });
  open("/?filter=unknown%3E0&other=1");
  await screen.findByRole("link", { name: "Pune" });
  expect(asked.filter((a) => a.path === "/sites").map((a) => a.query.get("filter"))).toEqual(["unknown>0"]);
  expect(screen.getByRole("checkbox", { name: "Unknown verdicts" })).toBeChecked();
});

test("what a filter does wrong is told at the place where it is wrong", async () => {
  const errors = [{ parameter: "filter", position: 9, detail: "== is no operator", remedy: "write =, ~ or !=" }];
  serve({ "/sites": () => problem(400, { detail: "the filter is not valid", requestId: "R4", errors }) });
  open("/?filter=severity%3D%3Dhigh");
  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("character 9: == is no operator; write =, ~ or !=");
  expect(alert.querySelector("mark")).toHaveTextContent("=");
  expect(alert.querySelector(".mantine-Code-root")).toHaveTextContent("severity==high");
  expect(screen.getByRole("textbox", { name: "Filter" })).toHaveAttribute("aria-invalid", "true");
});

test("a fault at the end of a filter is marked behind it", async () => {
  const errors = [{ parameter: "filter", position: 10, detail: "a value is missing" }];
  serve({ "/sites": () => problem(400, { errors }) });
  open("/?filter=severity%3D");
  const alert = await screen.findByRole("alert");
  expect(alert.querySelector("mark")?.textContent).toBe("\u00a0");
});

test("another problem is shown with its request id, and can be tried again", async () => {
  const user = userEvent.setup({ delay: null });
  let broken = true;
  serve({
    "/sites": () =>
      broken
        ? problem(500, { title: "Internal", detail: "out of luck", requestId: "R5" })
        : sample.page([sample.site()]),
  });
  open("/");
  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("out of luck");
  expect(alert).toHaveTextContent("Request R5");
  broken = false;
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("link", { name: "Munich" })).toBeVisible();
  expect(screen.queryByRole("alert")).toBeNull();
});

test("an empty federation leads to the first planner, an empty filter to its removal", async () => {
  const user = userEvent.setup({ delay: null });
  serve({ "/sites": sample.page([]) });
  open("/");
  expect(await screen.findByRole("link", { name: "Connect your first planner" })).toHaveAttribute("href", "/connect");
  await user.click(screen.getByRole("checkbox", { name: "Critical" }));
  await user.click(await screen.findByRole("button", { name: "Clear the filter" }));
  expect(await screen.findByRole("link", { name: "Connect your first planner" })).toBeVisible();
});

test("the next page is added, and the button goes with the last", async () => {
  const user = userEvent.setup({ delay: null });
  const asked = serve({
    "/sites": (url: URL) =>
      url.searchParams.get("cursor")
        ? sample.page(many(3, 2), { total: 5 })
        : sample.page(many(0, 3), { next: "c1", total: 5 }),
  });
  open("/");
  await user.click(await screen.findByRole("button", { name: "Show more (2 left)" }));
  expect(await screen.findByRole("link", { name: "Plant 4" })).toBeVisible();
  expect(screen.getByRole("link", { name: "Plant 0" })).toBeVisible();
  expect(screen.queryByRole("button", { name: /Show more/ })).toBeNull();
  expect(asked.at(-1)?.query.get("cursor")).toBe("c1");
});
