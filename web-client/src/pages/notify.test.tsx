import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { open, problem, serve } from "../test/app";
import * as sample from "../test/sample";
import { digestText } from "./Notifications/Notifications";
import { blankWebhook, draftOf, headersOf, requestOf } from "./Notifications/WebhookForm";

const admin = { ...sample.me, role: "admin" as const };

const webhook = (more: object = {}) => ({
  id: "w1",
  revision: 1,
  name: "service portal",
  host: "https://portal.example.com",
  events: ["finding.opened" as const],
  filter: "severity>=high",
  template: "teams" as const,
  headers: ["X-Key"],
  createdBy: "Anna",
  createdAt: "2026-11-20T08:00:00Z",
  ...more,
});

const tagged = (value: object, tag: string) => () =>
  new Response(JSON.stringify(value), { headers: { "Content-Type": "application/json", ETag: tag } });

/** Writes into a field at once: in the tests each single key takes as long as drawing the whole form. */
const fill = (label: RegExp, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });

const attempt = (more: object = {}) => ({
  delivery: "d1",
  kind: "finding.opened",
  site: "muc-01",
  number: 1,
  at: "2026-11-20T08:00:00Z",
  took: "4ms",
  status: 204,
  ...more,
});

const deliveries = { waiting: 2, delivered: 1000, failed: 1, attempts: [attempt()] };

test("notifications: where each webhook leads and whether it sends", async () => {
  serve({
    "/me": admin,
    "/webhooks": sample.page([
      webhook(),
      webhook({ id: "w2", name: "old", disabled: { at: "2026-11-20T08:00:00Z", reason: "the receiver answered 410" } }),
      webhook({ id: "w3", name: "sealed", broken: "the key is another", filter: "" }),
    ]),
  });
  open("/notifications");
  const row = within(await screen.findByRole("row", { name: /service portal/ }));
  expect(row.getByRole("link", { name: "service portal" })).toHaveAttribute("href", "/notifications/w1");
  expect(row.getByText("Microsoft Teams")).toBeVisible();
  expect(row.getByText("severity>=high")).toBeVisible();
  expect(within(screen.getByRole("row", { name: /old/ })).getByText(/the receiver answered 410/)).toBeVisible();
  expect(within(screen.getByRole("row", { name: /sealed/ })).getByText("the key is another")).toBeVisible();
});

test("notifications: a webhook is added, and its secret told once", async () => {
  const user = userEvent.setup({ delay: null });
  let body: unknown;
  serve({
    "/me": admin,
    "GET /webhooks": sample.page([]),
    "POST /webhooks": async (_: URL, request: Request) => {
      body = await request.json();
      return { webhook: webhook(), secret: "whsec_x" };
    },
  });
  open("/notifications");
  expect(await screen.findByText(/Nobody is told of anything yet/)).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Add a webhook" }));
  fill(/^Name/, "service portal");
  fill(/^URL/, "https://portal.example.com/x");
  await user.click(screen.getByRole("checkbox", { name: "Sites lost" }));
  await user.selectOptions(screen.getByRole("combobox", { name: "Sent" }), "daily");
  fill(/^Headers/, "no header");
  await user.click(screen.getByRole("button", { name: "Add the webhook" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("no header is no header: write NAME: VALUE");
  fill(/^Headers/, "");
  await user.click(screen.getByRole("button", { name: "Add the webhook" }));
  const told = within(await screen.findByRole("group", { name: "The secret of service portal" }));
  expect(told.getByText("whsec_x")).toBeVisible();
  expect(body).toEqual({
    name: "service portal",
    url: "https://portal.example.com/x",
    events: ["finding.opened", "finding.closed"],
    template: "cloudevents",
    filter: "",
    digest: { dailyAt: "07:30" },
  });
  await user.click(told.getByRole("button", { name: "I have kept it" }));
  expect(screen.queryByText("whsec_x")).toBeNull();
});

test("notifications: what the server refuses of a webhook is told with its place", async () => {
  const user = userEvent.setup({ delay: null });
  serve({
    "/me": admin,
    "GET /webhooks": sample.page([]),
    "POST /webhooks": problem(422, {
      detail: "the webhook is not valid",
      errors: [{ pointer: "/url", detail: "the address is private", remedy: "allow its range" }],
    }),
  });
  open("/notifications");
  await user.click(await screen.findByRole("button", { name: "Add a webhook" }));
  fill(/^Name/, "x");
  fill(/^URL/, "http://10.0.0.1/");
  await user.click(screen.getByRole("button", { name: "Add the webhook" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("/url: the address is private; allow its range");
});

test("a webhook: its deliveries, and what a test of it came to", async () => {
  const user = userEvent.setup({ delay: null });
  serve({
    "/me": admin,
    "/webhooks/w1": tagged(webhook(), '"t1"'),
    "/webhooks/w1/deliveries": {
      ...deliveries,
      attempts: [attempt({ number: 2, status: 500, error: "500", next: "2026-11-20T09:00:00Z" }), attempt()],
    },
    "POST /webhooks/w1/test": attempt({ kind: "test", status: undefined, error: "nothing listens" }),
  });
  open("/notifications/w1");
  expect(await screen.findByRole("heading", { level: 1, name: "service portal" })).toBeVisible();
  expect(await screen.findByText(/attempts failed/)).toHaveTextContent("2 wait, 1,000 delivered, 1 attempts failed.");
  expect(screen.getByText(/^tried again/)).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Send a test" }));
  expect(await screen.findByText("The test did not arrive: nothing listens")).toBeVisible();
});

test("a webhook: an edit names what was read, and another's change is not undone", async () => {
  const user = userEvent.setup({ delay: null });
  let sent: unknown;
  const asked = serve({
    "/me": admin,
    "GET /webhooks/w1": tagged(webhook(), '"t1"'),
    "/webhooks/w1/deliveries": deliveries,
    "PUT /webhooks/w1": async (_: URL, request: Request) => {
      sent = await request.json();
      return problem(412, { detail: "read it again" });
    },
  });
  open("/notifications/w1");
  await user.click(await screen.findByRole("button", { name: "Edit" }));
  fill(/^Name/, "portal");
  await user.click(screen.getByRole("button", { name: "Save" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("read it again");
  expect(sent).toEqual({ name: "portal", events: ["finding.opened"], filter: "severity>=high", template: "teams" });
  expect(asked.find((a) => a.method === "PUT")?.headers.get("If-Match")).toBe('"t1"');
  const reads = () => asked.filter((a) => a.method === "GET" && a.path === "/webhooks/w1").length;
  const before = reads();
  await user.click(screen.getByRole("button", { name: "Read it again" }));
  await waitFor(() => expect(reads()).toBeGreaterThan(before));
  expect(screen.queryByRole("button", { name: "Save" })).toBeNull();
});

test("a webhook: it is deleted after it was said what goes with it", async () => {
  const user = userEvent.setup({ delay: null });
  const asked = serve({
    "/me": admin,
    "GET /webhooks/w1": tagged(webhook(), '"t1"'),
    "/webhooks/w1/deliveries": { ...deliveries, attempts: [] },
    "/webhooks": sample.page([]),
    "DELETE /webhooks/w1": () => new Response(null, { status: 204 }),
  });
  const { router } = open("/notifications/w1");
  expect(await screen.findByText("Nothing has been sent yet.")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Delete" }));
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText(/its dead letters are gone with it/)).toBeVisible();
  await user.click(dialog.getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/notifications"));
  expect(asked.find((a) => a.method === "DELETE")?.headers.get("If-Match")).toBe('"t1"');
});

test("dead letters: those chosen, those that match, or all are put back", async () => {
  const user = userEvent.setup({ delay: null });
  const bodies: unknown[] = [];
  const letter = (id: string) => ({ id, at: "2026-11-20T08:00:00Z", last: attempt({ status: 400, error: "400" }) });
  serve({
    "/me": admin,
    "/webhooks/w1": tagged(webhook(), '"t1"'),
    "/webhooks/w1/dead-letters": sample.page([letter("a"), letter("b")]),
    "POST /webhooks/w1/redeliver": async (_: URL, request: Request) => {
      bodies.push(await request.json());
      return { redelivered: 2 };
    },
  });
  open("/notifications/w1/dead-letters");
  expect(await screen.findByRole("button", { name: "Redeliver the chosen (0)" })).toBeDisabled();
  await user.click(screen.getByRole("checkbox", { name: "Choose b" }));
  await user.click(screen.getByRole("button", { name: "Redeliver the chosen (1)" }));
  expect(await screen.findByText("2 put back into the queue.")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Redeliver all" }));
  await user.click(screen.getByText("Receiver failed"));
  await user.click(await screen.findByRole("button", { name: "Redeliver those shown (2)" }));
  await waitFor(() => expect(bodies).toEqual([{ ids: ["b"] }, {}, { ids: ["a", "b"] }]));
});

test("a stored webhook keeps what its form does not show", () => {
  const draft = draftOf(webhook({ digest: { every: "1h" }, disabled: { at: "x", reason: "y" } }));
  expect(requestOf(draft)).toEqual({
    name: "service portal",
    events: ["finding.opened"],
    template: "teams",
    filter: "severity>=high",
    digest: { every: "1h" },
    disabled: true,
  });
  expect(requestOf({ ...blankWebhook, events: [] })).toBe("Choose at least one event");
  expect(headersOf("A: b\n\n C :d:e ")).toEqual({ A: "b", C: "d:e" });
  expect(headersOf("A:")).toBe("A:");
  expect([digestText(undefined), digestText({ every: "1h" }), digestText({ dailyAt: "07:30" })]).toEqual([
    "at once",
    "collected, every 1h",
    "collected, daily at 07:30 UTC",
  ]);
});
