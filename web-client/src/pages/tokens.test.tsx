import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { open, problem, serve } from "../test/app";
import * as sample from "../test/sample";
import { scopeOf, scopeText } from "./Tokens/Tokens";

const admin = { ...sample.me, role: "admin" };

const token = (more: object = {}) => ({
  id: "t1",
  name: "portal",
  role: "viewer",
  scope: {},
  state: "good",
  created: { by: "a", name: "Anna", at: "2026-11-20T08:00:00Z", note: "for ServiceNow" },
  expires: "2027-02-20T08:00:00Z",
  ...more,
});

test("tokens: what each may do and see, and what became of it", async () => {
  const user = userEvent.setup({ delay: null });
  let body: unknown;
  serve({
    "/me": admin,
    "/tokens": sample.page([
      token(),
      token({ id: "t2", state: "expired", scope: { sites: ["muc-01"], tags: { a: "b", c: "d" } } }),
      token({
        id: "t3",
        state: "revoked",
        revoked: { by: "a", name: "Bert", at: "2026-11-20T08:00:00Z", note: "lost" },
      }),
    ]),
    "POST /tokens/t1/revoke": async (_: URL, request: Request) => {
      body = await request.json();
      return token({ state: "revoked" });
    },
  });
  open("/tokens");
  const good = within(await screen.findByRole("row", { name: /t1/ }));
  expect(good.getByText("all sites")).toBeVisible();
  expect(
    within(screen.getByRole("row", { name: /t2/ })).getByText("sites muc-01, and sites with a=b and c=d"),
  ).toBeVisible();
  expect(within(screen.getByRole("row", { name: /t3/ })).getByText(/by Bert/)).toHaveTextContent(/: lost$/);
  expect(screen.getAllByText("nothing to decide")).toHaveLength(2);
  await user.click(good.getByRole("button", { name: "Revoke portal t1" }));
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText(/browser sessions that were begun with it end/)).toBeVisible();
  await user.type(dialog.getByRole("textbox", { name: /^Reason/ }), "it leaked");
  await user.click(dialog.getByRole("button", { name: "Revoke" }));
  await waitFor(() => expect(body).toEqual({ reason: "it leaked" }));
});

test("tokens: one is made with a role and a scope, and told once", async () => {
  const user = userEvent.setup({ delay: null });
  let body: unknown;
  serve({
    "/me": admin,
    "GET /tokens": sample.page([]),
    "POST /tokens": async (_: URL, request: Request) => {
      body = await request.json();
      return { token: token(), secret: "mat_t1_secret" };
    },
  });
  open("/tokens");
  await user.type(await screen.findByRole("textbox", { name: /^Name/ }), "portal");
  await user.selectOptions(screen.getByRole("combobox", { name: "Role" }), "planner");
  await user.type(screen.getByRole("textbox", { name: "These sites" }), "muc-01, ber-02");
  const tags = screen.getByRole("textbox", { name: "And sites with all these tags" });
  await user.type(tags, "division");
  expect(screen.getByText("division is no tag: write NAME=VALUE")).toBeVisible();
  expect(screen.getByRole("button", { name: "Make a token" })).toBeDisabled();
  await user.type(tags, "=drives");
  await user.click(screen.getByRole("button", { name: "Make a token" }));
  const told = within(await screen.findByRole("group", { name: "The token portal" }));
  expect(told.getByText("mat_t1_secret")).toBeVisible();
  expect(body).toEqual({
    name: "portal",
    role: "planner",
    expiresIn: "2160h",
    scope: { sites: ["muc-01", "ber-02"], tags: { division: "drives" } },
  });
  await user.click(told.getByRole("button", { name: "I have kept it" }));
  expect(screen.queryByText(/mat_/)).toBeNull();
});

test("tokens: who may not read them is told why", async () => {
  serve({ "/tokens": problem(403, { title: "Forbidden", detail: "this needs the role admin" }) });
  open("/tokens");
  expect(await screen.findByRole("alert")).toHaveTextContent("this needs the role admin");
  expect(screen.queryByRole("button", { name: "Make a token" })).toBeNull();
});

test("a scope in words and from the fields", () => {
  expect(scopeText({})).toBe("all sites");
  expect(scopeText({ regions: ["westeurope", "northeurope"] })).toBe("sites in westeurope, northeurope");
  expect(scopeOf({ sites: "", tags: "", regions: " " })).toEqual({});
  expect(scopeOf({ sites: "", tags: "a=b", regions: "westeurope" })).toEqual({
    tags: { a: "b" },
    regions: ["westeurope"],
  });
  expect(scopeOf({ sites: "", tags: "=b", regions: "" })).toBe("=b is no tag: write NAME=VALUE");
});
