import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { open, problem, serve } from "../test/app";
import * as sample from "../test/sample";
import * as commands from "./Connect/commands";
import { matches, versionsText } from "./Rules/Rules";

test("clusters: what is recognised beside what is recommended", async () => {
  serve({
    "/clusters": sample.page([
      sample.cluster(),
      sample.cluster({ id: "a/same", cluster: "same", recommended: "basic-production" }),
      sample.cluster({ id: "a/none", cluster: "none", architecture: "", recommended: "", size: "" }),
    ]),
  });
  open("/clusters");
  const row = async (name: RegExp) => within(await screen.findByRole("row", { name }));
  const other = await row(/muc-01\/prod/);
  expect(await other.findByText("High scale and high availability cluster")).toBeVisible();
  expect(other.getByText("westeurope → northeurope")).toBeVisible();
  expect((await row(/a\/same/)).getByText("the same")).toBeVisible();
  const none = await row(/a\/none/);
  expect(none.getByText("no option meets the objectives")).toBeVisible();
  expect(none.getAllByText("unknown").length).toBe(2);
});

test("shared infrastructure: everybody who uses it, also those outside the caller's scope as a count", async () => {
  serve({ "/tenancy": sample.page(sample.clusterDetail().tenancy) });
  open("/infrastructure");
  const row = within(await screen.findByRole("row", { name: /ber-02\/zk/ }));
  expect(row.getByText("5")).toBeVisible();
  expect(row.getByText("and 3 of sites outside your scope")).toBeVisible();
  expect(row.getByRole("link", { name: "muc-01/prod" })).toHaveAttribute("href", "/sites/muc-01");
  expect(row.getByText("unknown")).toBeVisible();
});

test("rules: the words that are searched for, all of them", async () => {
  const user = userEvent.setup({ delay: null });
  serve({
    "/rules": sample.page([
      sample.rule(),
      sample.rule({
        id: "TEN-001",
        topic: "tenancy",
        title: "Clusters share a ZooKeeper",
        why: "Nodes join.",
        remedy: "",
      }),
    ]),
  });
  open("/rules");
  await screen.findByRole("heading", { name: /COL-001/ });
  await user.type(screen.getByRole("textbox", { name: "Search" }), "zookeeper clusters");
  await waitFor(() => expect(screen.queryByRole("heading", { name: /COL-001/ })).toBeNull());
  expect(screen.getByRole("status", { name: "" })).toBeInTheDocument();
  expect(screen.getByText("of", { exact: false, selector: "p[role=status]" })).toHaveTextContent("1 of 2 rules");
  expect(matches(sample.rule(), "")).toBe(true);
  expect(matches(sample.rule(), "region zebra")).toBe(false);
  expect(versionsText({ from: "9.0", before: "9.5" })).toBe("from ThingWorx 9.0, before ThingWorx 9.5");
  expect(versionsText(undefined)).toBe("");
});

test("rejections: the reason and the place of each problem", async () => {
  serve({
    "/rejections": sample.page([
      {
        site: "muc-01",
        revision: "r1",
        at: "2026-11-20T08:00:00Z",
        reason: "schema",
        detail: "2 problems",
        problems: [
          { path: "/clusters/0/id", line: 7, what: "is missing", remedy: "give an id" },
          { what: "too large" },
        ],
        sequence: 3,
      },
    ]),
  });
  open("/rejections");
  const row = within(await screen.findByRole("row", { name: /muc-01/ }));
  expect(row.getByText("/clusters/0/id, line 7: is missing; give an id")).toBeVisible();
  expect(row.getByText("too large")).toBeVisible();
});

test("rejections: none is said", async () => {
  serve({ "/rejections": sample.page([]) });
  open("/rejections");
  expect(await screen.findByText("No inventory has been refused.")).toBeVisible();
});

test("reports: the address holds the request, and a refusal is told on the page", async () => {
  const user = userEvent.setup({ delay: null });
  serve({ "/reports/compliance": () => problem(503, { detail: "no history here", requestId: "R8" }) });
  open("/reports");
  await user.type(await screen.findByRole("textbox", { name: /match/ }), "country=DE");
  const link = screen.getByRole("link", { name: "CSV" });
  expect(link).toHaveAttribute("href", "/api/v1/reports/compliance?format=csv&filter=country%3DDE");
  await user.click(link);
  expect(await screen.findByRole("alert")).toHaveTextContent("no history hereRequest R8");
});

test("reports: a report is saved under the server's name", async () => {
  const user = userEvent.setup({ delay: null });
  const saved: string[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(this.download);
  });
  vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:x");
  const headers = { "Content-Disposition": 'attachment; filename="compliance.csv"' };
  serve({ "/reports/compliance": () => new Response("a", { headers }) });
  open("/reports");
  await user.click(await screen.findByRole("link", { name: "CSV" }));
  expect(await screen.findByText("compliance.csv is saved.")).toBeVisible();
  expect(saved).toEqual(["compliance.csv"]);
  vi.restoreAllMocks();
});

test("connect: the commands are for the site that is given, and a bad id is told", async () => {
  const user = userEvent.setup({ delay: null });
  serve({});
  open("/connect");
  const field = await screen.findByRole("textbox", { name: "Site id" });
  await user.clear(field);
  await user.type(field, "lys-09");
  expect(screen.getByText("meridian assess lys-09.yaml")).toBeVisible();
  await user.type(field, " X");
  expect(field).toHaveAttribute("aria-invalid", "true");
  expect(commands.config({ site: "a", nats: "nats://n:4222", server: "", now: "" })).toContain("url: nats://n:4222");
});

test("an address that is none of ours says so", async () => {
  serve({});
  open("/nowhere");
  expect(await screen.findByRole("heading", { name: "There is no such page" })).toBeVisible();
});
