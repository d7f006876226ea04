import { expect, test } from "vitest";
import { problem, serve } from "../test/app";
import { fetchReport, reportAddress } from "./report";

test.each([
  [{ format: "csv", filter: "", asOf: "", rules: "now" }, "format=csv"],
  [{ format: "pdf", filter: " country=DE ", asOf: "", rules: "then" }, "format=pdf&filter=country%3DDE"],
  [
    { format: "json", filter: "", asOf: "2026-11-20T08:00", rules: "then" },
    "format=json&asOf=2026-11-20T08%3A00%3A00Z&rules=then",
  ],
] as const)("%o is at %s", (request, query) => {
  expect(reportAddress(request)).toBe(`/api/v1/reports/compliance?${query}`);
});

test("a report has the name that the server gives it", async () => {
  const headers = { "Content-Disposition": 'attachment; filename="compliance-2026.csv"' };
  serve({ "/reports/compliance": () => new Response("site\n", { headers }) });
  const { name, content } = await fetchReport("/api/v1/reports/compliance?format=csv");
  expect(name).toBe("compliance-2026.csv");
  expect(await content.text()).toBe("site\n");
});

test("a refusal is the server's problem", async () => {
  serve({ "/reports/compliance": () => problem(503, { detail: "no history", requestId: "R3" }) });
  await expect(fetchReport("/api/v1/reports/compliance")).rejects.toMatchObject({
    message: "no history",
    problem: { status: 503, requestId: "R3" },
  });
});
