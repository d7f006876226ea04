import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { open, serve } from "../test/app";
import * as sample from "../test/sample";
import { groups, plain } from "./FindingTable";

test("every finding is in exactly one group, the worst first, the unknown and the waived by themselves", () => {
  const waiver = { id: "w", reason: "until the move", expires: "2027-01-01T00:00:00Z" };
  const findings = [
    sample.finding({ id: "1", severity: "low" }),
    sample.finding({ id: "2", severity: "critical", verdict: "unknown" }),
    sample.finding({ id: "3", severity: "critical" }),
    sample.finding({ id: "4", severity: "high", waiver }),
    sample.finding({ id: "5", verdict: "pass" }),
  ];
  expect(groups(findings).map((g) => [g.name, g.findings.map((f) => f.id)])).toEqual([
    ["Critical", ["3"]],
    ["Low", ["1"]],
    ["Unknown", ["2"]],
    ["Waived", ["4"]],
    ["Passed or not applicable", ["5"]],
  ]);
});

test("evidence is readable, also when it is nested", () => {
  expect(plain(["a", "b"])).toBe("a, b");
  expect(plain({ a: 1, b: [true, { c: "d" }] })).toBe("a 1, b true, c d");
});

test("a finding says what, why, what to do, what it lacks, since when, and on what it rests", async () => {
  const unknown = sample.finding({
    id: "f2",
    rule: "COL-003",
    verdict: "unknown",
    severity: "high",
    confidence: "inferred",
    message: "The region of the database is not known.",
    missing: ["placement.region of pg"],
    waiver: null,
  });
  const waived = sample.finding({
    id: "f3",
    rule: "HA-015",
    waiver: { id: "w1", reason: "agreed with the plant", expires: "2027-01-01T00:00:00Z" },
  });
  serve({ "/findings": sample.page([sample.finding(), unknown, waived]) });
  const { container } = open("/findings");
  const row = async (rule: string) => {
    await screen.findByRole("link", { name: rule });
    return within(container.querySelector(`[data-finding="${rule}"]`) as HTMLElement);
  };
  const first = await row("COL-001");
  expect(first.getByText("critical")).toBeVisible();
  expect(first.getByText("muc-01/pg-1")).toBeVisible();
  expect(first.getByRole("link", { name: "muc-01/prod" })).toHaveAttribute("href", "/sites/muc-01");
  expect(first.getByText(/distanceKm: 756/)).toHaveTextContent("foundationRegions: westeurope");
  expect(first.getByTitle("Stated by PTC or Microsoft")).toHaveTextContent("official");
  expect(first.getByTitle("2026-11-19 08:00:00 UTC")).toBeVisible();
  const second = await row("COL-003");
  expect(second.getByText("unknown")).toBeVisible();
  expect(second.getByText("high if it fails")).toBeVisible();
  expect(second.getByText("Not known: placement.region of pg.")).toBeVisible();
  const third = await row("HA-015");
  expect(third.getByText(/until 2027-01-01 00:00:00 UTC: agreed with the plant/)).toBeVisible();
});
