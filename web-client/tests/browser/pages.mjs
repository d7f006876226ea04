// Opens the pages of a running server as a person would, and fails when one of them does not show what it must. Called by
// the end-to-end test with MERIDIAN_URL (the ready line's address with the token), CHROMIUM and, optionally, SHOTS (a folder
// for screenshots) in the environment.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { administration } from "./administration.mjs";
import { analysis } from "./analysis.mjs";

const { MERIDIAN_URL, CHROMIUM = "/usr/bin/chromium", SHOTS } = process.env;
if (!MERIDIAN_URL) {
  throw new Error("MERIDIAN_URL is not set");
}
const address = new URL(MERIDIAN_URL);
const token = address.hash.replace("#token=", "");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const problems = [];
const patience = 60_000;

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
// Without motion nothing is measured half-way between two states.
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
const page = await context.newPage();
page.setDefaultTimeout(patience);
page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.message}`));
page.on("console", (message) => {
  // The console tells of answers that are meant to be refusals: 401 before the token is exchanged, 400 for the bad filter, 404 for the site that is not there.
  if (message.type() === "error" && !/status of 40[014]/.test(message.text())) {
    problems.push(`${page.url()}: ${message.text()}`);
  }
});

const at = (path) => new URL(path, address).href;

function check(holds, what) {
  if (!holds) {
    problems.push(what);
  }
}

async function shot(name) {
  if (SHOTS) {
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  }
}

async function accessible(name) {
  // The browser's own channel brings the script in; the page's policy lets no script of another origin run.
  if (!(await page.evaluate(() => "axe" in globalThis))) {
    await page.evaluate(axe);
  }
  const violations = await page.evaluate(async () => {
    const found = await globalThis.axe.run({ resultTypes: ["violations"] });
    return found.violations.map(
      (v) =>
        `${v.id}: ${v.help}: ${v.nodes
          .slice(0, 3)
          .map((n) => n.target.join(" "))
          .join(", ")}`,
    );
  });
  for (const v of violations) {
    problems.push(`${name}: ${v}`);
  }
}

/** Nothing of a page may be cut off or reach beyond the window, however wide that is. */
async function fits(name) {
  for (const width of [768, 1280, 1920, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    const beyond = await page.evaluate(() => {
      const window = document.documentElement.clientWidth;
      return [...document.querySelectorAll("main *")]
        .filter((e) => e.closest("svg, pre, .seen-not") === null && e.getBoundingClientRect().right > window + 1)
        .slice(0, 3)
        .map((e) => `${e.tagName} ${e.textContent?.slice(0, 40)}`);
    });
    check(beyond.length === 0, `${name}: at ${width} pixels this reaches beyond the window: ${beyond.join("; ")}`);
  }
}

const place = (label) => () =>
  page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: label, exact: true }).click();

async function filterBy(text) {
  await page.getByRole("textbox", { name: "Filter" }).fill(text);
  await page.getByRole("textbox", { name: "Filter" }).press("Enter");
}

/** The pages, how a person gets there from the one before, and what is found on each; narrow keeps long pages short for the checks that
 * take time, after goes on from there. */
const pages = [
  { name: "sites", title: "Sites", go: async () => {}, find: () => page.getByRole("link", { name: "Munich" }) },
  {
    name: "site",
    title: "Munich (muc-01)",
    go: () => page.getByRole("link", { name: "Munich" }).click(),
    find: () => page.locator('[data-finding="COL-001"]'),
    also: async () => {
      await page.getByText("Ways to bring ThingWorx and its database together").first().waitFor();
      for (const fold of await page.locator("main details summary").all()) {
        await fold.click();
      }
      await page.getByText("15m", { exact: true }).first().waitFor();
      check(
        await page.getByRole("rowheader", { name: "Critical (1)" }).isVisible(),
        "site: the findings have no headings",
      );
    },
  },
  {
    name: "clusters",
    title: "Clusters",
    go: place("Clusters"),
    find: () => page.locator('[data-cluster="muc-01/prod"]').getByText("High scale and high availability cluster"),
  },
  {
    name: "map",
    title: "Region mismatches",
    go: place("Region mismatches"),
    find: () => page.locator('[data-mismatch="muc-01/prod"]'),
    also: map,
  },
  {
    name: "findings",
    title: "Findings",
    go: async () => {
      await place("Findings")();
      await page.getByRole("heading", { level: 1, name: "Findings" }).waitFor();
      await page.getByText("Worst first").click();
    },
    find: () => page.locator('[data-finding="COL-001"]').first(),
    narrow: async () => {
      await filterBy("site=muc-01 or site=nrt-08");
      await page.locator('[data-finding^="TEN-"]').first().waitFor({ state: "detached" });
    },
  },
  {
    name: "infrastructure",
    title: "Shared infrastructure",
    go: place("Shared infrastructure"),
    find: () => page.getByRole("rowheader", { name: "ber-02/zk" }),
  },
  ...analysis({ page, place, check, accessible, shot }),
  {
    name: "rules",
    title: "Rules",
    go: place("Rules"),
    find: () => page.locator("#COL-001"),
    narrow: async () => {
      await page.getByRole("textbox", { name: "Search" }).fill("region");
      await page.locator("#HA-001").waitFor({ state: "detached" });
    },
  },
  {
    name: "rejections",
    title: "Rejections",
    go: place("Rejections"),
    find: () => page.getByText(/No inventory has been refused|What is wrong/),
  },
  {
    name: "waivers",
    title: "Waivers",
    go: place("Waivers"),
    find: () => page.getByRole("heading", { name: "Request a waiver" }),
    also: async () => {
      await page.getByLabel(/^Rule/).fill("COL-001");
      await page.getByLabel(/^Site, or/).fill("muc-01/prod");
      await page.getByLabel(/^Until/).fill(new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10));
      await page.getByLabel(/^Why/).fill("The database moves in spring.");
      await page.getByRole("button", { name: "Request", exact: true }).click();
      await page.getByRole("rowheader", { name: "COL-001" }).first().waitFor();
      const approve = page.getByRole("button", { name: /^approve w-/ }).first();
      check((await approve.getAttribute("aria-disabled")) === "true", "waivers: who requested one may approve it");
      await page
        .getByRole("button", { name: /^reject w-/ })
        .first()
        .click();
      await page.getByLabel("Reason").waitFor();
    },
  },
  {
    name: "policies",
    title: "Policies",
    go: place("Policies"),
    find: () => page.getByRole("rowheader", { name: "file" }),
  },
  {
    name: "audit",
    title: "Audit",
    go: place("Audit"),
    find: () => page.getByText("requestWaiver").first(),
  },
  { name: "reports", title: "Reports", go: place("Reports"), find: () => page.getByRole("link", { name: "CSV" }) },
  ...administration({ page, place, check, accessible, shot }),
  {
    name: "connect",
    title: "Connect a planner",
    go: place("Connect a planner"),
    find: () => page.getByText("meridian assess my-plant.yaml"),
  },
];

async function map() {
  const text = await page.locator('[data-mismatch="muc-01/prod"]').textContent();
  for (const want of ["Munich", "West Europe", "North Europe", "20ms", "critical"]) {
    check(text?.includes(want), `map: the Munich mismatch does not say ${want}: ${text}`);
  }
  await labels("world");
  // The input lies under its label, which takes the click.
  await page.getByText("Mismatches", { exact: true }).click();
  const near = page.getByRole("img", { name: /Munich from West Europe to North Europe/ });
  await near.getByText("West Europe: Munich").waitFor();
  await labels("near");
  const arc = await near.locator("path[stroke='var(--critical)']").first().boundingBox();
  check(
    arc !== null && arc.width > 100,
    `map: Munich's way is ${arc?.width} pixels long, which is too short to be seen`,
  );
  await shot("map-near");
  await page.getByText("World", { exact: true }).click();
}

async function labels(name) {
  const overlaps = await page.evaluate(() => {
    const boxes = [...document.querySelectorAll("figure svg text")].map((t) => [
      t.textContent,
      t.getBoundingClientRect(),
    ]);
    return boxes.flatMap(([a, p], i) =>
      boxes
        .slice(i + 1)
        .filter(([, q]) => p.left < q.right && q.left < p.right && p.top < q.bottom - 2 && q.top < p.bottom - 2)
        .map(([b]) => `${a} and ${b}`),
    );
  });
  check(overlaps.length === 0, `map: labels overlap (${name}): ${overlaps.join(", ")}`);
}

async function tour() {
  for (const p of pages) {
    await page.emulateMedia({ colorScheme: "light" });
    await p.go();
    await p.find().waitFor();
    await p.also?.();
    check((await page.title()) === `${p.title} · Meridian`, `${p.name}: the title is ${await page.title()}`);
    await fits(p.name);
    await shot(`${p.name}-light`);
    await page.emulateMedia({ colorScheme: "dark" });
    await shot(`${p.name}-dark`);
    await p.narrow?.();
    await accessible(`${p.name} (dark)`);
    await page.emulateMedia({ colorScheme: "light" });
    await accessible(`${p.name} (light)`);
    await p.after?.();
  }
}

/** The filter of the sites with the keys alone. */
async function keyboard() {
  const tabTo = async (selector) => {
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) {
        return;
      }
    }
    throw new Error(`the Tab key does not get to ${selector}`);
  };
  await page.goto(at("/"));
  await page.getByRole("link", { name: "Munich" }).waitFor();
  await page.keyboard.press("Tab");
  const skip = await page.evaluate(() => document.activeElement?.textContent);
  check(skip === "Skip to the content", `keyboard: the first stop is ${skip}`);
  await page.keyboard.press("Enter");
  await tabTo('input[aria-label="Filter"]');
  await page.keyboard.type("regionMatch=false");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Berlin" }).waitFor({ state: "detached" });
  check(await page.getByRole("link", { name: "Munich" }).isVisible(), "keyboard: the filter hides Munich");
  check(
    new URL(page.url()).searchParams.get("filter") === "regionMatch=false",
    `keyboard: the address is ${page.url()}`,
  );
  await tabTo("button");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Berlin" }).waitFor();
  await tabTo('input[type="checkbox"]');
  const ring = await page.evaluate(() => {
    const label = document.activeElement?.parentElement?.querySelector("label");
    return [document.activeElement, label].some((e) => e && getComputedStyle(e).outlineStyle !== "none");
  });
  check(ring, "keyboard: the focus on a preset is not seen");
  await page.keyboard.press("Space");
  await page.getByRole("link", { name: "Detroit" }).waitFor({ state: "detached" });
  await tabTo("tbody a");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Berlin" }).waitFor();
}

/** What an address says is shown at once, and what is wrong with it is told. */
async function deepLinks() {
  await page.goto(at("/?filter=country%3DDE&sort=severity"));
  await page.getByRole("link", { name: "Munich" }).waitFor();
  check((await page.getByRole("link", { name: "Tokyo" }).count()) === 0, "deep link: the filter is not applied");
  check(await page.getByRole("radio", { name: "Worst first" }).isChecked(), "deep link: the order is not applied");
  const filter = page.getByRole("textbox", { name: "Filter" });
  check((await filter.inputValue()) === "country=DE", "deep link: the filter is not in its field");
  await filter.fill("severity==high");
  await filter.press("Enter");
  const alert = page.getByRole("alert");
  await alert.waitFor();
  const text = await alert.textContent();
  check(text?.includes("character 9"), `bad filter: the place is not told: ${text}`);
  check((await alert.locator("mark").textContent()) === "=", "bad filter: the place is not marked");
  await accessible("bad filter");
  await shot("bad-filter");
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByRole("link", { name: "Tokyo" }).waitFor();
  await page.goto(at("/rules#COL-001"));
  await page.locator("#COL-001").waitFor();
  await page.waitForFunction(() => Math.abs(document.getElementById("COL-001").getBoundingClientRect().top) < 200);
  await page.goto(at("/sites/nowhere"));
  await page.getByRole("alert").waitFor();
}

/** On paper there is no menu, and nothing is folded. */
async function print() {
  await page.goto(at("/sites/muc-01"));
  await page.locator('[data-finding="COL-001"]').waitFor();
  await page.getByText("Ways to bring ThingWorx and its database together").first().waitFor();
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  check(!(await page.getByRole("banner").isVisible()), "print: the header is printed");
  const step = page.getByText("Back up the database", { exact: false }).first();
  const box = await step.boundingBox();
  check(box !== null && box.height > 0, "print: the migration stays folded");
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  check(ground === "rgb(255, 255, 255)", `print: the paper is ${ground}`);
  const dark = await page.evaluate(() =>
    [...document.querySelectorAll("main *:not(.tag, .meter *, .no-print, .no-print *)")]
      .filter((e) => {
        const [r, g, b, a] = getComputedStyle(e)
          .backgroundColor.match(/[\d.]+/g)
          .map(Number);
        return a !== 0 && r + g + b < 384;
      })
      .map((e) => e.className),
  );
  check(dark.length === 0, `print: dark grounds: ${dark.slice(0, 3).join("; ")}`);
  if (SHOTS) {
    await page.pdf({ path: join(SHOTS, "site.pdf"), format: "A4", printBackground: true });
  }
  await page.emulateMedia({ media: "screen", colorScheme: "light" });
}

async function signOut() {
  await page.getByRole("button", { name: "Sign out" }).click();
  const field = page.getByLabel("Token");
  await field.waitFor();
  await page.goto(at("/findings"));
  await field.waitFor();
  check((await page.getByRole("navigation").count()) === 0, "signed out: the pages are still there");
  await accessible("sign in");
  await shot("sign-in");
  await field.fill("wrong");
  await field.press("Enter");
  await page.getByRole("alert").waitFor();
  await field.fill(token);
  await field.press("Enter");
  await page.locator("[data-finding]").first().waitFor();
}

try {
  await page.goto(MERIDIAN_URL);
  await page.getByRole("link", { name: "Munich" }).waitFor();
  check(!page.url().includes("token"), "the token stays in the address bar");
  for (const part of [tour, keyboard, deepLinks, print, signOut]) {
    const began = performance.now();
    await part();
    console.log(`${part.name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
} catch (error) {
  problems.push(`${page.url()}: ${error}`);
} finally {
  await browser.close();
}
for (const p of problems) {
  console.error(p);
}
process.exitCode = problems.length === 0 ? 0 : 1;
