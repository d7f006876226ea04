import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, test } from "vitest";
import { open, problem, serve } from "../test/app";
import * as sample from "../test/sample";
import { takeTokenFromAddress } from "./session";

afterEach(() => window.history.replaceState(null, "", "/"));

test("the token leaves the address before anything else happens", () => {
  window.history.replaceState(null, "", "/map?filter=a#token=s%2Fcret");
  expect(takeTokenFromAddress()).toBe("s/cret");
  expect(window.location.href).not.toContain("cret");
  expect(window.location.pathname + window.location.search).toBe("/map?filter=a");
});

test("a fragment that is no token stays", () => {
  window.history.replaceState(null, "", "/rules#COL-001");
  expect(takeTokenFromAddress()).toBeNull();
  expect(window.location.hash).toBe("#COL-001");
});

test("the token of the address is exchanged for a session without the form being shown", async () => {
  window.history.replaceState(null, "", "/#token=secret");
  let signedIn = false;
  const asked = serve({
    "/me": () => (signedIn ? sample.me : problem(401)),
    "POST /session": () => {
      signedIn = true;
      return sample.me;
    },
    "/sites": sample.page([sample.site()]),
  });
  open("/");
  expect(await screen.findByRole("link", { name: "Munich" })).toBeVisible();
  expect(screen.queryByLabelText("Token")).toBeNull();
  expect(asked.filter((a) => a.path === "/session")).toHaveLength(1);
  expect(window.location.hash).toBe("");
});

test("nobody is signed in: the form asks for the token and says when it is refused", async () => {
  const user = userEvent.setup({ delay: null });
  let refuse = true;
  const asked = serve({
    "/me": () => (refuse ? problem(401) : sample.me),
    "POST /session": () =>
      refuse ? problem(401, { title: "Unauthorized", detail: "no such token", requestId: "R7" }) : sample.me,
    "/sites": sample.page([sample.site()]),
  });
  open("/");
  const field = await screen.findByLabelText("Token");
  expect(asked.some((a) => a.path === "/sites")).toBe(false);
  expect(screen.getByRole("button", { name: "Sign in" })).toBeDisabled();
  await user.type(field, "  wrong  ");
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("no such tokenRequest R7");
  refuse = false;
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  expect(await screen.findByRole("link", { name: "Munich" })).toBeVisible();
});

test("signing out shows the form and forgets what was read", async () => {
  const user = userEvent.setup({ delay: null });
  const asked = serve({
    "/sites": sample.page([sample.site()]),
    "DELETE /session": () => new Response(null, { status: 204 }),
  });
  open("/");
  await screen.findByRole("link", { name: "Munich" });
  await user.click(screen.getByRole("button", { name: "Sign out" }));
  expect(await screen.findByLabelText("Token")).toBeVisible();
  expect(screen.queryByText("Munich")).toBeNull();
  const out = asked.find((a) => a.method === "DELETE");
  expect(out?.headers.get("X-CSRF-Token")).toBe("csrf-1");
});

test("a session that ended leads to the form, whatever was being read", async () => {
  serve({ "/sites": () => problem(401) });
  open("/");
  expect(await screen.findByLabelText("Token")).toBeVisible();
});

test("a server that cannot tell who is signed in is a problem, not the form", async () => {
  serve({ "/me": () => problem(503, { title: "Service Unavailable", detail: "starting", requestId: "R9" }) });
  open("/");
  await waitFor(() => expect(screen.getByRole("alert")).toHaveTextContent("starting"));
  expect(screen.queryByLabelText("Token")).toBeNull();
});
