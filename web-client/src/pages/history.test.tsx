import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { open, problem, serve } from "../test/app";
import * as sample from "../test/sample";
import { value } from "./Differences/Differences";
import { axisText, short } from "./Trends/Chart";
import { changeText } from "./Trends/Trends";

const span = "from=2026-11-13T08:00:00Z&to=2026-11-20T08:00:00Z";

const change = (more: object = {}) => ({
  at: "2026-11-19T08:00:00Z",
  change: "opened",
  site: "muc-01",
  cluster: "prod",
  infrastructure: "muc-01/pg-1",
  node: "",
  finding: "f1",
  rule: "COL-001",
  verdict: "fail",
  severity: "critical",
  message: "Foundation runs in westeurope, its database in northeurope.",
  waiver: "",
  revision: "r",
  rulePackHash: "h",
  ...more,
});

test("changes: without instants in the address they are put there, so that the link stays true", async () => {
  const asked = serve({ "/changes": sample.page([change()]) });
  const { router } = open("/changes?filter=severity%3Dcritical");
  expect(await screen.findByText(/Foundation runs in westeurope/)).toBeVisible();
  const search = router.state.location.search as Record<string, string>;
  expect(Date.parse(search.to ?? "") - Date.parse(search.from ?? "")).toBe(7 * 86_400_000);
  expect(search.filter).toBe("severity=critical");
  const query = asked.find((a) => a.path === "/changes")?.query;
  expect([query?.get("from"), query?.get("to"), query?.get("filter")]).toEqual([search.from, search.to, search.filter]);
});

test("changes: a span is chosen in UTC; one that ends before it begins is refused here", async () => {
  const user = userEvent.setup({ delay: null });
  const asked = serve({ "/changes": sample.page([change(), change({ change: "closed", message: "" })]) });
  open(`/changes?${span}`);
  expect(await screen.findByText("until then")).toBeVisible();
  expect(screen.getByText("not told within your scope")).toBeVisible();
  const from = screen.getByLabelText("From (UTC)");
  expect((from as HTMLInputElement).value).toMatch(/^2026-11-13T08:00/);
  fireEvent.change(from, { target: { value: "2026-11-21T08:00" } });
  expect(screen.getByRole("alert")).toHaveTextContent("The first instant is not before the second");
  expect(screen.getByRole("button", { name: "Show this span" })).toBeDisabled();
  fireEvent.change(from, { target: { value: "2026-11-01T00:00" } });
  await user.click(screen.getByRole("button", { name: "Show this span" }));
  await waitFor(() => expect(asked.some((a) => a.query.get("from") === "2026-11-01T00:00:00Z")).toBe(true));
  await user.click(screen.getByText("Closed"));
  await waitFor(() =>
    expect(
      asked.some((a) => a.query.get("filter") === "change=closed" && a.query.get("from")?.startsWith("2026-11-01")),
    ).toBe(true),
  );
});

test("changes: no history says what is wrong and what to do", async () => {
  serve({ "/changes": problem(503, { title: "No history", detail: "ClickHouse does not answer", requestId: "R1" }) });
  open(`/changes?${span}`);
  expect(await screen.findByRole("alert")).toHaveTextContent("ClickHouse does not answer");
  expect(screen.getByRole("button", { name: "Try again" })).toBeVisible();
});

test("differences: findings, clusters, facts and sites between two instants", async () => {
  const user = userEvent.setup({ delay: null });
  const d = { site: "muc-01", cluster: "prod", before: "", after: "" };
  const asked = serve({
    "/diff": sample.page([
      { ...d, kind: "cluster", change: "changed", what: "serving", before: "0.999", after: "0.9999" },
      {
        ...d,
        kind: "finding",
        change: "opened",
        what: "f1",
        after: "fail critical",
        rule: "COL-001",
        severity: "critical",
        message: "apart",
      },
      { ...d, kind: "fact", change: "changed", what: "/clusters/0/thingworxVersion", before: '"9.5"', after: '"9.6"' },
      { ...d, kind: "site", change: "joined", cluster: "", what: "", after: "r1" },
    ]),
  });
  open(`/differences?${span}`);
  const rows = (await screen.findAllByRole("row")).slice(1).map((r) => r.textContent);
  expect(rows).toEqual([
    "muc-01/prodclusterchangedchance to serve99.900 %99.990 %",
    "muc-01/prodfindingopenedCOL-001 apartnot therecritical",
    'muc-01/prodfactchanged/clusters/0/thingworxVersion"9.5""9.6"',
    "muc-01sitejoinedthe sitenot therer1",
  ]);
  expect(screen.getByRole("link", { name: "COL-001" })).toHaveAttribute("href", "/rules#COL-001");
  await user.type(screen.getByRole("textbox", { name: "Only this site" }), "muc-01");
  await user.click(screen.getByRole("button", { name: "Show this span" }));
  await waitFor(() => expect(asked.some((a) => a.path === "/diff" && a.query.get("site") === "muc-01")).toBe(true));
});

test("a long value is cut and says so; unknown is not nothing", () => {
  expect(value({ kind: "fact", what: "/x" }, "y".repeat(500))).toMatch(/^y{400}… \(500 characters\)$/);
  expect(value({ kind: "cluster", what: "serving" }, "")).toBe("unknown, or not there");
});

const points = (...fail: (number | undefined)[]) =>
  fail.flatMap((n, i) =>
    n === undefined ? [] : [{ at: `2026-11-${18 + i}T08:00:00Z`, sites: 2, fail: n, unknown: 1, waived: 0 }],
  );

const trends = (by: string, series: object[]) => ({
  from: "2026-11-18T08:00:00Z",
  to: "2026-11-20T08:00:00Z",
  every: "24h0m0s",
  by,
  series,
  coverage: sample.coverage,
});

test("trends: lines with their names, and every number in tables", async () => {
  const user = userEvent.setup({ delay: null });
  const asked = serve({
    "/trends": trends("severity", [
      { group: "high", points: points(4, 6, 8) },
      { group: "critical", points: points(1, undefined, 2) },
      { group: "low", points: points(undefined, 3, undefined) },
    ]),
  });
  const { router } = open(`/trends?${span}&by=severity`);
  const chart = await screen.findByRole("img", { name: /findings that fail over time: critical, high, low/ });
  expect(chart.querySelectorAll("polyline")).toHaveLength(4);
  const row = within(screen.getByRole("row", { name: /Draw critical/ }));
  expect(row.getAllByRole("cell").map((c) => c.textContent)).toEqual(["", "1", "2", "+1"]);
  expect(within(screen.getByRole("row", { name: /Draw low/ })).getAllByText("none")).toHaveLength(2);
  expect(screen.getByRole("row", { name: "2026-11-19 08:00:00 none 6 3" })).toBeInTheDocument();
  await user.click(screen.getByRole("checkbox", { name: "Draw high" }));
  expect(router.state.location.search).toMatchObject({ draw: ["critical", "low"] });
  expect(await screen.findByRole("img", { name: /: critical, low;/ })).toBeVisible();
  await user.selectOptions(screen.getByRole("combobox", { name: "By" }), "region");
  await waitFor(() => expect(asked.some((a) => a.query.get("by") === "region")).toBe(true));
  expect(router.state.location.search).not.toHaveProperty("draw");
});

test("trends: of many groups the largest are drawn, and how many there are is told", async () => {
  const series = Array.from({ length: 60 }, (_, i) => ({ group: `r-${i}`, points: points(i, i, i) }));
  serve({ "/trends": trends("rule", series) });
  open(`/trends?${span}&by=rule`);
  expect(await screen.findByRole("img", { name: /r-59, r-58, r-57, r-56, r-55, r-54;/ })).toBeVisible();
  expect(screen.getByText(/groups at/)).toHaveTextContent("60 groups at 3 instants, 6 of them drawn.");
});

test("trends: a tag is asked for by its name", async () => {
  const user = userEvent.setup({ delay: null });
  const asked = serve({ "/trends": trends("tag.division", [{ group: "", points: points(1, 1, 1) }]) });
  open(`/trends?${span}`);
  await user.selectOptions(await screen.findByRole("combobox", { name: "By" }), "tag");
  await user.type(screen.getByRole("textbox", { name: "Name of the tag" }), "division{Enter}");
  await waitFor(() => expect(asked.some((a) => a.query.get("by") === "tag.division")).toBe(true));
  expect(await screen.findByRole("checkbox", { name: "Draw no tag division" })).toBeChecked();
});

test("trends: nothing is said where there is no history, and a refusal where it is refused", async () => {
  serve({ "/trends": trends("", []) });
  const { unmount } = open(`/trends?${span}`);
  expect(await screen.findByText("The history holds nothing of this span.")).toBeVisible();
  unmount();
  serve({ "/trends": problem(400, { detail: "more than 1,000 points" }) });
  open(`/trends?${span}&every=1m`);
  expect(await screen.findByRole("alert")).toHaveTextContent("more than 1,000 points");
});

test("numbers and instants as people write them", () => {
  expect([changeText(1, 4), changeText(4, 1), changeText(1, 1), changeText(undefined, 2)]).toEqual([
    "+3",
    "−3",
    "0",
    "+2",
  ]);
  expect([short("muc-01"), short("plant-with-a-long-name-17")]).toEqual(["muc-01", "plant-wi…g-name-17"]);
  const instant = Date.parse("2026-11-20T08:00:00Z");
  expect([axisText(instant, 86_400_000), axisText(instant, 3_600_000)]).toEqual(["2026-11-20", "11-20 08:00"]);
});
