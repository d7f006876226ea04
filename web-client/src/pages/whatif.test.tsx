import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { type Change, whatIfDocument, whatIfState } from "../api/whatif";
import { downtime } from "../numbers";
import { open, problem, serve } from "../test/app";
import * as sample from "../test/sample";
import { has } from "./Plan/Plan";
import { changeText, parseValue } from "./WhatIf/Compose";
import { readChanges } from "./WhatIf/WhatIf";

const names = {
  "/clusters": sample.page([{ id: "muc-01/prod" }]),
  "/sites": sample.page([{ id: "muc-01" }, { id: "ber-02" }]),
  "/infrastructure": sample.page([{ infrastructure: "muc-01/pg-1" }]),
  "/regions": sample.page([{ provider: "azure", code: "westeurope" }]),
};

const side = (more: object = {}) => ({
  serving: 0.999,
  full: 0.999,
  known: true,
  architecture: "ha-cluster",
  recommended: "ha-cluster",
  regionMatch: false,
  ...more,
});

const simulation = (more: object = {}) => ({
  steps: ["The database muc-01/pg-1 moves to westeurope."],
  assumptions: ["it keeps its size"],
  judged: 1,
  gone: [],
  findings: { opened: [], closed: [sample.finding()], changed: [], unknown: [] },
  clusters: [
    { id: "ber-02/prod", before: side(), after: side() },
    {
      id: "muc-01/prod",
      before: side(),
      after: side({ serving: 0.9999, regionMatch: true }),
      state: "down",
      causes: ["zone azure/westeurope/1"],
    },
  ],
  tenancy: [{ infrastructure: "muc-01/pg-1", kind: "database", before: [], after: ["muc-01/prod"], regions: [] }],
  down: 1,
  degraded: 0,
  ...more,
});

test("what-if: changes are composed, evaluated, and then stand in the address", async () => {
  const user = userEvent.setup({ delay: null });
  let body: unknown;
  serve({
    ...names,
    "POST /simulations": async (_: URL, request: Request) => {
      body = await request.json();
      return simulation();
    },
  });
  const { router } = open("/what-if");
  expect(await screen.findByRole("button", { name: "Evaluate" })).toBeDisabled();
  await user.type(screen.getByRole("combobox", { name: /^Cluster/ }), "muc-01/prod");
  await user.type(screen.getByRole("combobox", { name: /^To region/ }), "azure/westeurope");
  await user.click(screen.getByRole("button", { name: "Add" }));
  await user.selectOptions(screen.getByRole("combobox", { name: "What happens" }), "lose");
  await user.selectOptions(screen.getByRole("combobox", { name: "What is lost" }), "zone");
  await user.type(screen.getByRole("textbox", { name: /^Which/ }), "azure/westeurope/1");
  await user.click(screen.getByRole("button", { name: "Add" }));
  expect(body).toBeUndefined();
  await user.click(screen.getByRole("button", { name: "Evaluate" }));
  const changes: Change[] = [
    { do: "move-database", cluster: "muc-01/prod", to: "azure/westeurope" },
    { do: "lose", what: "zone:azure/westeurope/1" },
  ];
  const status = await screen.findByText(/findings would open/);
  expect(status).toHaveTextContent(
    "0 findings would open, 1 close, 0 change, 0 become unknown. 1 cluster down, 0 degraded.",
  );
  expect(body).toEqual({ changes });
  expect(router.state.location.search).toEqual({ changes });
  expect(screen.getByText("Assumed: it keeps its size")).toBeVisible();
  const clusters = within(screen.getByRole("region", { name: "Clusters (2)" })).getAllByRole("row");
  expect(clusters[1]).toHaveTextContent("muc-01/proddown99.900 % → 99.990 %down 8h46m → 53mmismatch → same region");
  expect(within(screen.getByRole("region", { name: "Findings that close (1)" })).getByText("critical")).toBeVisible();
  expect(screen.getByRole("row", { name: /muc-01\/pg-1 database nobody muc-01\/prod unknown/ })).toBeVisible();
  expect(screen.queryByRole("region", { name: /Findings that open/ })).toBeNull();
  await user.click(screen.getByRole("button", { name: "Remove: The zone azure/westeurope/1 is lost" }));
  expect(screen.getByText(/what is below is of the earlier ones/)).toBeVisible();
  expect(screen.getByRole("button", { name: "Evaluate" })).toBeEnabled();
});

test("what-if: a link is evaluated at once, and what the server refuses is told with its place", async () => {
  serve({
    ...names,
    "POST /simulations": problem(422, {
      detail: "the changes cannot be made",
      errors: [{ pointer: "/changes/0/to", detail: "there is no region moon", remedy: "name a known region" }],
    }),
  });
  const changes = encodeURIComponent(JSON.stringify([{ do: "move-database", cluster: "muc-01/prod", to: "moon" }]));
  open(`/what-if?changes=${changes}`);
  expect(await screen.findByRole("alert")).toHaveTextContent(
    "/changes/0/to: there is no region moon; name a known region",
  );
  expect(screen.getByText("The database of muc-01/prod moves to moon")).toBeVisible();
});

test("what-if: a set is saved as the document that the command line reads, and read again", async () => {
  const user = userEvent.setup({ delay: null });
  const saved: string[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(this.download);
  });
  vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:x");
  serve({ ...names, "POST /simulations": simulation() });
  open("/what-if");
  const file = (text: string) => new File([text], "what-if.json", { type: "application/json" });
  const input = await screen.findByLabelText("File of changes");
  await user.upload(input, file("changes: []"));
  expect(await screen.findByRole("alert")).toHaveTextContent("The file is not JSON");
  await user.upload(input, file(whatIfDocument([{ do: "merge", site: "ham-03", into: "ber-02" }])));
  expect(await screen.findByText("ham-03 is merged into ber-02")).toBeVisible();
  expect(screen.queryByRole("alert")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Download" }));
  expect(saved).toEqual(["what-if.json"]);
  vi.restoreAllMocks();
});

test("what of an address or a file is a change", () => {
  expect(
    whatIfState({ changes: [{ do: "upgrade", cluster: "a/b", version: 9.7, other: 1 }, { do: "fly" }, 7] }),
  ).toEqual({
    changes: [{ do: "upgrade", cluster: "a/b", version: "9.7" }],
  });
  expect(whatIfState({ changes: "x" })).toEqual({});
  expect(whatIfState({ changes: [{ do: "set", site: "a", pointer: "/p", value: null }] }).changes?.[0]).toEqual({
    do: "set",
    site: "a",
    pointer: "/p",
    value: null,
  });
  expect(readChanges('{"changes": []}')).toMatch(/^The file has no changes/);
  expect(readChanges('{"changes": [{"do": "lose", "what": "site:a"}, {"do": "fly"}]}')).toMatch(/^1 of 2 entries/);
});

test.each<[Change, string]>([
  [{ do: "upgrade", cluster: "a/b", version: "9.7" }, "a/b is upgraded to ThingWorx 9.7"],
  [{ do: "upgrade", site: "a", version: "9.7" }, "every cluster of a is upgraded to ThingWorx 9.7"],
  [{ do: "set", site: "a", pointer: "/p" }, "/p of a is removed"],
  [{ do: "set", site: "a", pointer: "/p", value: 0.9 }, "/p of a is 0.9"],
])("%j in words", (change, words) => expect(changeText(change)).toBe(words));

test("a value is JSON where it is JSON, and a duration is written in two units", () => {
  expect([parseValue(" "), parseValue("0.99"), parseValue('"x"'), parseValue("9.6.2")]).toEqual([
    undefined,
    0.99,
    "x",
    "9.6.2",
  ]);
  expect([downtime(1), downtime(0.999), downtime(0.9), downtime(0.99999)]).toEqual([
    "less than a minute",
    "8h46m",
    "36d12h",
    "5m",
  ]);
});

const task = (more: object = {}) => ({
  do: "mend",
  rule: "TEN-006",
  site: "ham-03",
  cluster: "prod",
  subject: "ham-03/db",
  severity: "high",
  why: "Infrastructure is shared without being declared so",
  finding: "f1",
  computed: false,
  hours: 0,
  mismatches: 0,
  serving: [],
  closed: [{ rule: "TEN-006", severity: "high", site: "ham-03", subject: "ham-03/db" }],
  opened: [],
  steps: ["Declare it."],
  effort: 1,
  score: 5,
  ...more,
});

const plan = (more: object = {}) => ({
  consolidations: [],
  separations: [
    {
      do: "separate",
      kind: "zookeeper",
      region: "on-premise/ham-dc1",
      infrastructure: ["ber-02/zk", "ham-03/zk"],
      clusters: ["ham-03/prod"],
      why: "It should be shared less.",
      serving: [{ cluster: "ham-03/prod", before: 0.995, after: 0.996 }],
      joint: [],
      blastRadius: { before: 2, after: 1 },
      machines: 1,
      closed: [{ rule: "TEN-005", severity: "high", site: "ham-03", subject: "ham-03/zk" }],
      opened: [],
      steps: ["Set up a zookeeper."],
      effort: 24,
    },
  ],
  upgrades: [
    {
      hub: "hq-01",
      target: "9.6.2",
      why: "1 of 8 does not run it.",
      waves: [{ clusters: ["ham-03/prod"], together: false, why: "In any order." }],
      blocked: ["Back up first."],
      effort: 16,
    },
  ],
  queue: [
    task(),
    task({ do: "move-database", site: "muc-01", subject: "muc-01/pg-1", rule: "COL-001", mismatches: 1 }),
  ],
  queueTotal: 1002,
  sites: 9,
  tried: 11,
  untried: 3,
  assumptions: ["hours are assumptions"],
  ...more,
});

test("fleet plan: each proposal has its reason, its gain and its links", async () => {
  serve({ "/plans/fleet": plan() });
  open("/plan");
  const queue = within(await screen.findByRole("region", { name: "What to mend first (2)" }));
  expect(queue.getByText(/1,000 more are not listed/)).toBeVisible();
  expect(queue.getByText("1 region mismatch less")).toBeVisible();
  expect(queue.getAllByRole("link", { name: "the finding" })[0]).toHaveAttribute("href", "/findings?filter=id%3Df1");
  const separation = within(screen.getByRole("region", { name: "ber-02/zk: ham-03/prod" }));
  expect(separation.getByText("It should be shared less.")).toBeVisible();
  expect(separation.getByText("2 → 1")).toBeVisible();
  expect(separation.getByRole("link", { name: "TEN-005" })).toHaveAttribute("href", "/rules#TEN-005");
  const upgrade = within(screen.getByRole("region", { name: "Upgrades under hq-01" }));
  expect(upgrade.getByText("Back up first.")).toBeVisible();
  const tryIt = upgrade.getByRole("link", { name: "See what the upgrade would change" }).getAttribute("href") ?? "";
  expect(JSON.parse(new URL(tryIt, "http://x").searchParams.get("changes") ?? "")).toEqual([
    { do: "upgrade", cluster: "ham-03/prod", version: "9.6.2" },
  ]);
  expect(screen.getByText(/were not, because there are too many/)).toBeVisible();
  expect(screen.getByText("No clusters could share more without a rule or an objective against it.")).toBeVisible();
});

test("fleet plan: a search is in the address and finds in every part", async () => {
  const user = userEvent.setup({ delay: null });
  serve({ "/plans/fleet": plan() });
  const { router } = open("/plan?find=muc-01");
  expect(await screen.findByRole("region", { name: "What to mend first (1)" })).toBeVisible();
  expect(screen.getAllByText("None has these words.")).toHaveLength(2);
  const field = screen.getByRole("textbox", { name: "Search" });
  await user.clear(field);
  await user.type(field, "zk");
  await waitFor(() => expect(router.state.location.search).toEqual({ find: "zk" }));
  expect(await screen.findByText("Nothing to mend has these words.")).toBeVisible();
  expect([has("zk HAM", { a: "ham-03/zk" }), has("zk muc", { a: "ham-03/zk" }), has("", {})]).toEqual([
    true,
    false,
    true,
  ]);
});

test("fleet plan: an empty federation and a server without a plan say so", async () => {
  serve({ "/plans/fleet": plan({ queue: [], queueTotal: 0, separations: [], upgrades: [], untried: 0 }) });
  const { unmount } = open("/plan");
  expect(await screen.findByText("Nothing fails that could be mended.")).toBeVisible();
  expect(screen.getByText("No federated server is behind its hub.")).toBeVisible();
  unmount();
  serve({ "/plans/fleet": problem(503, { detail: "the plan is being made" }) });
  open("/plan");
  expect(await screen.findByRole("alert")).toHaveTextContent("the plan is being made");
});
