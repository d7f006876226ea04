import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { open, problem, serve } from "../test/app";
import * as sample from "../test/sample";
import { matchText } from "./Waivers/Waivers";

const deed = { by: "p", name: "Anna", at: "2026-11-20T08:00:00Z" };

const waiver = (more: object = {}) => ({
  id: "w-1",
  rule: "COL-001",
  match: { site: "muc-01", cluster: "prod" },
  reason: "moves in spring",
  ticket: "CHG-1",
  owner: "Plant IT",
  expires: "2026-12-24T00:00:00Z",
  state: "requested",
  requested: deed,
  unused: false,
  expiring: false,
  ...more,
});

test("waivers: what each is for, who answers for it, and what may be decided", async () => {
  const user = userEvent.setup({ delay: null });
  const asked = serve({
    "/me": { ...sample.me, role: "approver" },
    "/waivers": sample.page([
      waiver(),
      waiver({ id: "w-2", state: "approved", decided: deed, unused: true, match: { tags: { division: "drives" } } }),
      waiver({ id: "w-3", state: "expired", match: { country: "DE" } }),
    ]),
    "POST /waivers/w-1/approve": waiver({ state: "approved", decided: deed }),
  });
  open("/waivers");
  const row = within(await screen.findByRole("row", { name: /w-1/ }));
  expect(row.getByRole("link", { name: "muc-01/prod" })).toHaveAttribute("href", "/sites/muc-01");
  expect(row.getByText("requested by Anna")).toBeVisible();
  const unused = within(screen.getByRole("row", { name: /w-2/ }));
  expect(unused.getByText("unused: nothing fails that it is for")).toBeVisible();
  expect(unused.getByText("every site with division=drives")).toBeVisible();
  expect(unused.queryByRole("button", { name: /approve/ })).toBeNull();
  expect(within(screen.getByRole("row", { name: /w-3/ })).getByText("nothing to decide")).toBeVisible();
  await user.click(row.getByRole("button", { name: "approve w-1" }));
  await user.type(row.getByRole("textbox", { name: "Note" }), "agreed");
  await user.click(row.getByRole("button", { name: "approve" }));
  await waitFor(() => expect(asked.some((a) => a.method === "POST" && a.path === "/waivers/w-1/approve")).toBe(true));
  expect(matchText({ infrastructure: "muc-01/pg-1", site: "muc-01", region: "westeurope" })).toBe(
    "muc-01, muc-01/pg-1, every cluster in westeurope",
  );
});

test("waivers: a request that is refused says why", async () => {
  const user = userEvent.setup({ delay: null });
  serve({
    "/me": { ...sample.me, role: "planner" },
    "/waivers": sample.page([]),
    "POST /waivers": problem(422, { title: "Unprocessable Entity", detail: "the waiver is not valid" }),
  });
  open("/waivers");
  await user.type(await screen.findByRole("textbox", { name: /^Rule/ }), "COL-001");
  await user.type(screen.getByRole("textbox", { name: /^Site/ }), "muc-01/prod");
  await user.type(screen.getByLabelText(/^Until/), "2026-12-24");
  await user.type(screen.getByRole("textbox", { name: /^Why/ }), "moves in spring");
  await user.click(screen.getByRole("button", { name: "Request" }));
  expect(await screen.findByText(/the waiver is not valid/)).toBeVisible();
});

test("waivers: a viewer sees them and decides nothing", async () => {
  serve({ "/me": { ...sample.me, role: "viewer" }, "/waivers": sample.page([waiver()]) });
  open("/waivers");
  expect(await screen.findByText("nothing to decide")).toBeVisible();
  expect(screen.queryByRole("heading", { name: "Request a waiver" })).toBeNull();
});

test("policies: what a version would change before it is activated", async () => {
  const user = userEvent.setup({ delay: null });
  const version = (id: string, active: boolean) => ({
    id,
    name: `policy ${id}`,
    hash: "0123456789abcdef",
    active,
    created: deed,
  });
  const asked = serve({
    "/me": { ...sample.me, role: "approver" },
    "/policies": { ...sample.page([version("2", false), version("1", true)]), managedBy: "hub", approval: true },
    "/policies/2/preview": {
      version: "2",
      hash: "0123456789abcdef",
      sites: 3,
      opened: [
        {
          finding: "f",
          rule: "RES-001",
          subject: { site: "muc-01", cluster: "prod" },
          severity: "critical",
          message: "abroad",
        },
      ],
      closed: [],
      changed: [
        {
          finding: "g",
          rule: "COL-001",
          subject: { site: "ber-02" },
          severity: "low",
          before: "high",
          message: "apart",
        },
      ],
      unknown: [],
      severities: [{ severity: "critical", opened: 1, closed: 0 }],
    },
    "POST /policies/2/activate": version("2", true),
  });
  open("/policies");
  expect(await screen.findByText(/Version 1 is in force/)).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Preview version 2" }));
  expect(await screen.findByText(/1 findings would open, 0 close/)).toBeVisible();
  expect(screen.getByText("high → low")).toBeVisible();
  await user.type(screen.getByRole("textbox", { name: /^Why/ }), "agreed");
  await user.click(screen.getByRole("button", { name: "Activate version 2" }));
  await waitFor(() => expect(asked.some((a) => a.path === "/policies/2/activate")).toBe(true));
});

test("audit: who wrote what, with what it was and what it is", async () => {
  serve({
    "/me": { ...sample.me, role: "auditor" },
    "/audit": sample.page([
      {
        id: "2",
        at: "2026-11-20T08:00:00Z",
        act: "createSession",
        outcome: "refused",
        status: 401,
        why: "the token is not valid",
        remote: "192.0.2.1",
      },
      {
        id: "1",
        at: "2026-11-20T07:00:00Z",
        by: "p",
        name: "Anna",
        role: "planner",
        act: "requestWaiver",
        outcome: "done",
        site: "muc-01",
        target: "w-1",
        after: { id: "w-1" },
      },
    ]),
  });
  open("/audit");
  const refused = within(await screen.findByRole("row", { name: /createSession/ }));
  expect(refused.getByText("nobody")).toBeVisible();
  expect(refused.getByText("refused (401)")).toBeVisible();
  const done = within(screen.getByRole("row", { name: /requestWaiver/ }));
  expect(done.getByRole("link", { name: "muc-01" })).toBeVisible();
  expect(done.getByText(/"id": "w-1"/)).toBeInTheDocument();
});
