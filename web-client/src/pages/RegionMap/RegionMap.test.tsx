import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { open, serve } from "../../test/app";
import * as sample from "../../test/sample";
import { unplaced, wayLabel, ways, wayText } from "./ways";

const hamburg = sample.mismatch({
  id: "ham-03/prod",
  site: "ham-03",
  siteName: "Hamburg",
  thingworx: [sample.cellar],
  severity: "high",
  roundTrip: null,
  distanceKm: null,
  advice: "",
});

test("mismatches between the same regions are one way, as bad as the worst of them", () => {
  const items = [
    sample.mismatch({ id: "a/1", siteName: "A", severity: "medium", roundTrip: null }),
    sample.mismatch({ id: "b/1", siteName: "B" }),
    sample.mismatch({
      id: "c/1",
      siteName: "C",
      thingworx: [sample.northEurope],
      database: sample.westEurope,
      severity: null,
    }),
    hamburg,
  ];
  const drawn = ways(items);
  expect(drawn.map((w) => [w.from.name, w.to.name, w.items.length, w.severity, w.roundTrip])).toEqual([
    ["West Europe", "North Europe", 2, "critical", "20 ms"],
    ["North Europe", "West Europe", 1, null, "20 ms"],
  ]);
  expect(drawn.map(wayLabel)).toEqual(["A, B", "C"]);
  expect(unplaced(items).map((m) => m.id)).toEqual(["ham-03/prod"]);
});

test("many clusters on a way are counted, and a node beside its database is on none", () => {
  const items = ["A", "B", "C"].map((n) =>
    sample.mismatch({ id: `${n}/1`, siteName: n, thingworx: [sample.westEurope, sample.northEurope] }),
  );
  expect(ways(items).map(wayLabel)).toEqual(["3 clusters"]);
});

test.each([
  [sample.mismatch(), "20 ms (p95, published), measured 22 ms, 756 km"],
  [sample.mismatch({ roundTrip: null, distanceKm: 12345 }), "12,345 km"],
  [hamburg, "round trip unknown"],
])("a way in words", (m, words) => expect(wayText(m)).toBe(words));

test("the list has every mismatch, also those that cannot be drawn, which the map says", async () => {
  const user = userEvent.setup({ delay: null });
  const nowhere = sample.mismatch({ id: "pnq-07/prod", siteName: "Pune", database: null, severity: null });
  serve({ "/region-mismatches": sample.page([sample.mismatch(), hamburg, nowhere]) });
  const { container } = open("/map");
  await screen.findByRole("link", { name: "Munich" });
  const row = (id: string) => within(container.querySelector(`[data-mismatch="${id}"]`) as HTMLElement);
  expect(row("muc-01/prod").getByText("West Europe → North Europe")).toBeVisible();
  expect(row("muc-01/prod").getByText("Move database to westeurope")).toBeVisible();
  expect(row("ham-03/prod").getByText("cellar → North Europe")).toBeVisible();
  expect(row("pnq-07/prod").getByText("West Europe → unknown")).toBeVisible();
  expect(row("pnq-07/prod").getByText("unknown")).toBeVisible();
  expect(screen.getByText(/^Not drawn/)).toHaveTextContent("ham-03/prod, pnq-07/prod. The list has them.");
  const map = screen.getByRole("img", { name: /Munich from West Europe to North Europe/ });
  expect(within(map).getByText("Munich")).toBeInTheDocument();
  await user.click(screen.getByRole("radio", { name: "Mismatches" }));
  const near = screen.getByRole("img", { name: /Munich/ });
  expect(within(near).getByText("West Europe: Munich")).toBeInTheDocument();
  expect(within(near).getByText("North Europe")).toBeInTheDocument();
  expect(within(near).getByText("20 ms")).toBeInTheDocument();
});

test("the keyboard points at a mismatch as the pointer does", async () => {
  const user = userEvent.setup({ delay: null });
  const sao = sample.mismatch({
    id: "gru-06/prod",
    site: "gru-06",
    siteName: "São Paulo",
    thingworx: [
      { ...sample.westEurope, region: "brazilsouth", name: "Brazil South", latitude: -23.5, longitude: -46.6 },
    ],
  });
  serve({ "/region-mismatches": sample.page([sample.mismatch(), sao]) });
  const { container } = open("/map");
  const link = await screen.findByRole("link", { name: "São Paulo" });
  const dimmed = () => container.querySelectorAll('svg g[opacity="0.25"]').length;
  expect(dimmed()).toBe(0);
  link.focus();
  await screen.findByRole("link", { name: "São Paulo" });
  expect(dimmed()).toBe(1);
  await user.tab();
  await user.tab();
  expect(dimmed()).toBe(0);
});
