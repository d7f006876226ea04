import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { open, problem, serve, show } from "../../test/app";
import * as sample from "../../test/sample";
import { deviations } from "./Deviations";
import { bestAt, billSize, RecommendationView } from "./RecommendationView";

test("what is misplaced for the same reason is one row with its nodes", () => {
  expect(deviations(sample.assessment().recognised)).toEqual([
    { what: "missing", parts: ["storage"], detail: ["has 1, needs 2"], why: "the storage has no redundancy" },
    {
      what: "misplaced",
      parts: ["cx-1", "zk1", "zk2"],
      detail: ["cx-1, zk1: shares machine vm-a", "zk2: shares machine vm-b"],
      why: "each has its own",
    },
    { what: "misplaced", parts: ["pg-1"], detail: [], why: "is elsewhere" },
  ]);
  expect(deviations({ architecture: "x", distance: 0 })).toEqual([]);
});

test("the site says where it stands, what is unknown of it, and leads back to the sites", async () => {
  serve({
    "/sites/muc-01": sample.siteDetail({ liveness: "lost" }),
    "/clusters/muc-01/prod": sample.clusterDetail(),
    "/findings": sample.page([sample.finding(), sample.finding({ id: "f2", rule: "HA-015", severity: "low" })]),
  });
  open("/sites/muc-01");
  expect(await screen.findByRole("heading", { name: "Munich" })).toBeVisible();
  expect(document.title).toBe("Munich (muc-01) · Meridian");
  const crumbs = within(screen.getByRole("navigation", { name: "Breadcrumbs" }));
  expect(crumbs.getByRole("link", { name: "Sites" })).toHaveAttribute("href", "/");
  expect(screen.getByRole("alert")).toHaveTextContent("the last that is known");
  expect(screen.getByText("Germany")).toBeVisible();
  expect(screen.getByText("failed")).toBeVisible();
  expect(screen.getByText("no permission")).toBeVisible();
  const cluster = within(await screen.findByRole("region", { name: "Cluster prod" }));
  expect(cluster.getByText("Basic production")).toBeVisible();
  expect(cluster.getByText("Database in an unknown region")).toBeVisible();
  expect(cluster.getByText("Unknown: the inventory gives no workload.")).toBeVisible();
  expect(cluster.getByText("Unknown: the inventory does not tell enough.")).toBeVisible();
  expect(cluster.getByText("Not known: zones of foundation.")).toBeVisible();
  expect(cluster.queryByText(/100.00000 %/)).toBeNull();
  expect(cluster.getByText(/and 3 of sites outside your scope/)).toBeVisible();
  expect(
    await cluster.findByRole("heading", { name: "Recommendation: High scale and high availability cluster" }),
  ).toBeVisible();
  expect((await screen.findAllByRole("rowheader")).map((h) => h.textContent)).toEqual(
    expect.arrayContaining(["Critical (1)", "Low (1)"]),
  );
});

test("a site that is not there is a problem under the way back", async () => {
  serve({
    "/sites/nowhere": () => problem(404, { title: "Not Found", detail: "there is no site nowhere", requestId: "R6" }),
  });
  open("/sites/nowhere");
  expect(await screen.findByRole("alert")).toHaveTextContent("there is no site nowhereRequest R6");
  expect(screen.getByRole("navigation", { name: "Breadcrumbs" })).toBeVisible();
});

const view = (r: Partial<Parameters<typeof RecommendationView>[0]["r"]> = {}) => {
  const now = sample.assessment();
  return show(<RecommendationView r={{ ...now.recommendation, ...r }} now={now} title={(id) => id.toUpperCase()} />);
};

test("options stand side by side with what they are best at, and the steps say their downtime and the way back", () => {
  view();
  const cheapest = within(screen.getByRole("region", { name: "Option: Cheapest" }));
  expect(cheapest.getByText("99.955 %")).toBeVisible();
  expect(cheapest.getByText("now unknown")).toBeVisible();
  expect(cheapest.getByText("× 1.00")).toBeVisible();
  expect(cheapest.getByText("8 vCPU, 16 GiB")).toBeVisible();
  expect(cheapest.getByText("inside foundation")).toBeVisible();
  expect(cheapest.getByText("on the machines of foundation")).toBeVisible();
  expect(screen.getByRole("region", { name: "Option: Fewest changes, most available" })).toBeVisible();
  expect(screen.getByText("Migration, cheapest").closest("summary")).toHaveTextContent(
    "Migration, cheapest: 2 steps, 15m of downtime (assumed in part)",
  );
  expect(screen.getByText("A general purpose tier.", { exact: false })).toBeInTheDocument();
  expect(screen.getByText("assumed; measure it in a rehearsal")).toBeInTheDocument();
  expect(screen.getByText("Point back.")).toBeInTheDocument();
  expect(screen.getByText("DEVELOPMENT")).toBeInTheDocument();
  expect(screen.getByText("preferred")).toBeVisible();
});

test("no option is said, and a recommendation of the same architecture as well", () => {
  view({ architecture: "", options: [] }).unmount();
  const { unmount } = view({ architecture: "", options: [] });
  expect(screen.getByRole("heading", { name: "Recommendation: no option meets the objectives" })).toBeVisible();
  unmount();
  view({ architecture: "basic-production" });
  expect(
    screen.getByRole("heading", { name: "Recommendation: BASIC-PRODUCTION, the architecture it has" }),
  ).toBeVisible();
});

test.each([
  [{ objective: "cheapest" }, "Cheapest"],
  [{ objective: "most-available", also: ["cheapest"] }, "Most available, cheapest"],
] as const)("%o is best at %s", (o, words) =>
  expect(bestAt({ ...o, also: "also" in o ? [...o.also] : undefined })).toBe(words),
);

test.each([
  [{ kind: "storage", count: 1, redundancy: "zone" }, "zone"],
  [{ kind: "database", count: 1, cpu: 4, sku: "D4", shared: true }, "4 vCPU, D4, shared"],
])("%o is sized %s", (b, words) => expect(billSize(b)).toBe(words));
