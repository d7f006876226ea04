import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { open, problem, serve } from "../test/app";
import * as sample from "../test/sample";
import { joinCommand } from "./Enrolments/Enrolments";

const act = (name: string) => ({ by: name, name, at: "2026-11-20T08:00:00Z" });

const enrolment = (more: object = {}) => ({
  id: "aaaaaaaaaaaaaaaa",
  site: "muc-01",
  state: "requested",
  requested: act("Anna"),
  tokenExpires: "2026-11-21T08:00:00Z",
  ...more,
});

const all = [
  enrolment(),
  enrolment({ id: "bbbbbbbbbbbbbbbb", state: "open", approved: act("Bert") }),
  enrolment({
    id: "cccccccccccccccc",
    state: "joined",
    joined: "2026-11-20T09:00:00Z",
    expires: "2026-12-20T09:00:00Z",
  }),
  enrolment({ id: "dddddddddddddddd", state: "expired" }),
  enrolment({ id: "eeeeeeeeeeeeeeee", state: "revoked", revoked: act("Cleo"), reason: "the plant was sold" }),
];

const row = async (id: string) => within(await screen.findByRole("row", { name: new RegExp(`muc-01 ?${id}`) }));

test("enrolment: each state says what it means and what may be done", async () => {
  serve({ "/me": { ...sample.me, role: "admin" }, "/enrolments": sample.page(all) });
  open("/enrolments");
  const requested = await row("aaaa");
  expect(requested.getByText(/waits for an approver other than Anna/)).toBeVisible();
  expect(requested.getByRole("button", { name: /^Approve/ })).not.toHaveAttribute("aria-disabled");
  const openRow = await row("bbbb");
  expect(openRow.getByText(/approved by Bert; the token can be used once/)).toBeVisible();
  expect(openRow.queryByRole("button", { name: /^Approve/ })).toBeNull();
  expect((await row("cccc")).getByRole("link", { name: "muc-01" })).toHaveAttribute("href", "/sites/muc-01");
  expect((await row("dddd")).getByText(/the token was not used/)).toBeVisible();
  const revoked = await row("eeee");
  expect(revoked.getByText(/the plant was sold/)).toBeVisible();
  expect(revoked.queryByRole("button")).toBeNull();
});

test("enrolment: the filter is asked of the server and stands in the address", async () => {
  const user = userEvent.setup({ delay: null });
  const asked = serve({ "/me": { ...sample.me, role: "admin" }, "/enrolments": sample.page(all) });
  const { router } = open("/enrolments");
  await user.click(await screen.findByText("Waiting for approval"));
  await waitFor(() => expect(asked.some((a) => a.query.get("filter") === "state=requested")).toBe(true));
  expect(router.state.location.search).toEqual({ filter: "state=requested" });
});

test("enrolment: a token is told once, with the exact command, and is gone when it was kept", async () => {
  const user = userEvent.setup({ delay: null });
  let body: unknown;
  serve({
    "/me": { ...sample.me, role: "admin" },
    "GET /enrolments": sample.page([]),
    "POST /enrolments": async (_: URL, request: Request) => {
      body = await request.json();
      return { enrolment: enrolment(), token: "mjt_aaaaaaaaaaaaaaaa_secret" };
    },
  });
  open("/enrolments");
  expect(await screen.findByText(/No planner has been enrolled/)).toBeVisible();
  const site = screen.getByRole("textbox", { name: /^Site id/ });
  await user.type(site, "Not an id");
  await user.click(screen.getByRole("button", { name: "Make a join token" }));
  expect(site).toHaveAttribute("aria-invalid", "true");
  expect(body).toBeUndefined();
  await user.clear(site);
  await user.type(site, "muc-01");
  await user.type(screen.getByRole("textbox", { name: "Note" }), "for Anna");
  await user.click(screen.getByRole("button", { name: "Make a join token" }));
  const told = within(await screen.findByRole("group", { name: "Join token of muc-01" }));
  expect(body).toEqual({ site: "muc-01", expiresIn: "24h", note: "for Anna" });
  expect(told.getByText("mjt_aaaaaaaaaaaaaaaa_secret")).toBeVisible();
  expect(told.getByText(joinCommand(window.location.origin))).toBeVisible();
  expect(told.getByText(/an approver other than you/)).toBeVisible();
  await user.click(told.getByRole("button", { name: "I have kept it" }));
  expect(screen.queryByText(/mjt_/)).toBeNull();
  expect(screen.getByRole("button", { name: "Make a join token" })).toBeVisible();
});

test("enrolment: to revoke needs a reason, and what it does is said before", async () => {
  const user = userEvent.setup({ delay: null });
  let body: unknown;
  serve({
    "/me": { ...sample.me, role: "admin" },
    "/enrolments": sample.page(all),
    "POST /enrolments/cccccccccccccccc/revoke": async (_: URL, request: Request) => {
      body = await request.json();
      return enrolment({ state: "revoked" });
    },
  });
  open("/enrolments");
  await user.click((await row("cccc")).getByRole("button", { name: /^Revoke/ }));
  const dialog = within(await screen.findByRole("dialog", { name: "Revoke the enrolment of muc-01" }));
  expect(dialog.getByText(/its connection ends at once/)).toBeVisible();
  expect(dialog.getByRole("button", { name: "Revoke" })).toBeDisabled();
  await user.type(dialog.getByRole("textbox", { name: /^Reason/ }), "the plant was sold");
  await user.click(dialog.getByRole("button", { name: "Revoke" }));
  await waitFor(() => expect(body).toEqual({ reason: "the plant was sold" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});

test("enrolment: who asked for it is told why they cannot approve it", async () => {
  const user = userEvent.setup({ delay: null });
  serve({ "/me": { ...sample.me, id: "Anna", role: "admin" }, "/enrolments": sample.page(all) });
  open("/enrolments");
  const approve = (await row("aaaa")).getByRole("button", { name: /^Approve/ });
  expect(approve).toHaveAccessibleDescription("You asked for it: somebody else has to approve it.");
  await user.click(approve);
  expect(screen.queryByRole("dialog")).toBeNull();
});

test("enrolment: what the server refuses is told where it was asked", async () => {
  const user = userEvent.setup({ delay: null });
  serve({
    "/me": { ...sample.me, role: "approver" },
    "/enrolments": sample.page(all),
    "POST /enrolments/aaaaaaaaaaaaaaaa/approve": problem(403, { detail: "somebody else has to approve it" }),
  });
  open("/enrolments");
  await user.click((await row("aaaa")).getByRole("button", { name: /^Approve/ }));
  const dialog = within(await screen.findByRole("dialog"));
  await user.click(dialog.getByRole("button", { name: "Approve" }));
  expect(await dialog.findByText(/somebody else has to approve it/)).toBeVisible();
});

test("enrolment: an auditor sees everything, and why nothing can be done", async () => {
  const user = userEvent.setup({ delay: null });
  serve({ "/enrolments": sample.page(all) });
  open("/enrolments");
  const revoke = (await row("cccc")).getByRole("button", { name: /^Revoke/ });
  expect(revoke).toHaveAccessibleDescription("Needs the role admin; yours is auditor.");
  await user.click(revoke);
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(screen.queryByRole("button", { name: "Make a join token" })).toBeNull();
  expect(screen.getByText(/Needs the role admin; yours is auditor/)).toBeVisible();
});

test("the side bar shows the pages that the caller's role may read", async () => {
  serve({ "/me": { ...sample.me, role: "viewer" }, "/rules": sample.page([]) });
  open("/rules");
  const bar = within(await screen.findByRole("navigation", { name: "Pages" }));
  expect(bar.getByRole("group", { name: "Governance" })).toBeVisible();
  expect(bar.getByRole("link", { name: "Rules" })).toHaveAttribute("aria-current", "page");
  expect(bar.queryByRole("link", { name: "Enrolment" })).toBeNull();
  expect(bar.queryByRole("link", { name: "Audit" })).toBeNull();
});
