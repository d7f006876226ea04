import { beforeEach, expect, test } from "vitest";
import { problem, serve } from "../test/app";
import * as sample from "../test/sample";
import { api, ProblemError, setCsrfToken, unwrap } from "./client";

beforeEach(() => setCsrfToken(null));

const failure = async (call: Promise<unknown>): Promise<ProblemError> => {
  const error = await call.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(ProblemError);
  return error as ProblemError;
};

test("an answer is unwrapped to its data", async () => {
  serve({ "/sites": sample.page([sample.site()]) });
  const list = await unwrap(api.GET("/sites", {}));
  expect(list.items.map((s) => s.id)).toEqual(["muc-01"]);
});

test("a problem is thrown with everything the server says", async () => {
  const errors = [{ parameter: "filter", position: 5, detail: "== is no operator", remedy: "write =" }];
  serve({ "/sites": () => problem(400, { title: "Bad Request", detail: "the filter", requestId: "R1", errors }) });
  const { problem: p, message } = await failure(unwrap(api.GET("/sites", {})));
  expect(message).toBe("the filter");
  expect(p).toMatchObject({ status: 400, title: "Bad Request", requestId: "R1", errors });
});

test("an answer that is no problem document becomes one, with the request id of its header", async () => {
  const html = new Response("<h1>upstream</h1>", {
    status: 502,
    statusText: "Bad Gateway",
    headers: { "X-Request-Id": "R2" },
  });
  serve({ "/sites": () => html });
  const { problem: p } = await failure(unwrap(api.GET("/sites", {})));
  expect(p).toEqual({
    type: "about:blank",
    title: "Bad Gateway",
    status: 502,
    detail: "<h1>upstream</h1>",
    requestId: "R2",
  });
});

test("a network that does not answer is a problem with status 0", async () => {
  serve({
    "/sites": () => {
      throw new TypeError("connection refused");
    },
  });
  const { problem: p } = await failure(unwrap(api.GET("/sites", {})));
  expect(p.status).toBe(0);
  expect(p.detail).toContain("connection refused");
});

test("writes carry the token against forgery, reads do not", async () => {
  const asked = serve({ "/me": sample.me, "/session": () => new Response(null, { status: 204 }) });
  setCsrfToken("csrf-1");
  await api.GET("/me");
  await api.DELETE("/session");
  setCsrfToken(null);
  await api.DELETE("/session");
  expect(asked.map((a) => [a.method, a.headers.get("X-CSRF-Token")])).toEqual([
    ["GET", null],
    ["DELETE", "csrf-1"],
    ["DELETE", null],
  ]);
});
