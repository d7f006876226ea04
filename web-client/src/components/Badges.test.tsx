import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { show } from "../test/app";
import { counts } from "../test/sample";
import { Counts, RegionMatchBadge, VerdictBadge } from "./Badges";
import { countryName } from "./Country";

test("what is unknown is never shown as fine", () => {
  show(<Counts counts={counts({ unknown: 6 })} />);
  expect(screen.getByText("6 unknown")).toBeVisible();
  expect(screen.queryByText("none failing")).toBeNull();
});

test("nothing failing and nothing unknown is said in words", () => {
  show(<Counts counts={counts()} />);
  expect(screen.getByText("none failing")).toBeVisible();
});

test("counts go from the worst to the least, and what is waived is told apart", () => {
  const { container } = show(<Counts counts={counts({ fail: 4, low: 1, critical: 3, unknown: 2, waived: 5 })} />);
  expect([...container.querySelectorAll(".tag")].map((t) => t.textContent)).toEqual([
    "3 critical",
    "1 low",
    "2 unknown",
    "5 waived",
  ]);
});

test.each([
  ["fail", "critical", "critical"],
  ["unknown", "critical", "unknown"],
  ["pass", "critical", "pass"],
  ["not-applicable", "low", "not-applicable"],
])("the verdict %s of a %s rule reads %s", (verdict, severity, words) => {
  const { container } = show(<VerdictBadge verdict={verdict} severity={severity} />);
  expect(container.querySelector(".tag")).toHaveTextContent(words);
});

test.each([
  [true, "same region"],
  [false, "mismatch"],
  [null, "unknown"],
])("a match of %s reads %s", (match, words) => {
  show(<RegionMatchBadge match={match} />);
  expect(screen.getByText(words)).toBeVisible();
});

test.each([
  ["DE", "Germany"],
  ["br", "Brazil"],
  ["not a code", "not a code"],
])("%s is %s", (code, name) => expect(countryName(code)).toBe(name));
