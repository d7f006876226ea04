// Opens the pages of a running server as a person would, and fails when one of them does not show what it must. Called by
// the end-to-end test with MERIDIAN_URL (the ready line's address with the token), CHROMIUM and, optionally, SHOTS (a folder
// for screenshots) in the environment.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { MERIDIAN_URL, CHROMIUM = "/usr/bin/chromium", SHOTS } = process.env;
if (!MERIDIAN_URL) {
  throw new Error("MERIDIAN_URL is not set");
}
const address = new URL(MERIDIAN_URL);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const problems = [];

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

async function shot(page, name) {
  if (SHOTS) {
    await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  }
}

async function accessible(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  for (const v of violations) {
    problems.push(
      `${name}: ${v.id}: ${v.help}: ${v.nodes
        .map((n) => n.target.join(" "))
        .slice(0, 3)
        .join(", ")}`,
    );
  }
}

/** The pages with what a person must find on each. */
const pages = [
  { name: "sites", path: "/", find: (p) => p.getByRole("link", { name: "Munich" }) },
  { name: "site", path: "/sites/muc-01", find: (p) => p.locator('[data-finding="COL-001"]') },
  { name: "map", path: "/map", find: (p) => p.locator('[data-mismatch="muc-01/prod"]') },
  { name: "findings", path: "/findings?sort=severity", find: (p) => p.locator('[data-finding="COL-001"]').first() },
  { name: "infrastructure", path: "/infrastructure", find: (p) => p.getByRole("rowheader", { name: "ber-02/zk" }) },
  { name: "rules", path: "/rules", find: (p) => p.locator("#COL-001") },
  { name: "rejections", path: "/rejections", find: (p) => p.getByRole("heading", { name: "Rejections" }) },
  { name: "reports", path: "/reports", find: (p) => p.getByRole("link", { name: "CSV" }) },
];

try {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme });
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      // The question who is signed in is answered with 401 before the token is exchanged, which the console tells.
      if (message.type() === "error" && !message.text().includes("401")) {
        problems.push(`${page.url()}: ${message.text()}`);
      }
    });
    await page.goto(MERIDIAN_URL);
    await page.getByRole("link", { name: "Munich" }).waitFor({ timeout: 20_000 });
    if (page.url().includes("token")) {
      problems.push("the token stays in the address bar");
    }
    for (const p of pages) {
      await page.goto(new URL(p.path, address).href);
      await p.find(page).waitFor({ timeout: 20_000 });
      await accessible(page, `${p.name} (${colorScheme})`);
      await shot(page, `${p.name}-${colorScheme}`);
    }
    await page.goto(new URL("/map", address).href);
    const munich = page.locator('[data-mismatch="muc-01/prod"]');
    const text = await munich.innerText();
    for (const want of ["Munich", "West Europe", "North Europe", "20ms", "critical"]) {
      if (!text.includes(want)) {
        problems.push(`the Munich mismatch does not say ${want}: ${text}`);
      }
    }
    await context.close();
  }
} catch (error) {
  problems.push(String(error));
} finally {
  await browser.close();
}
for (const p of problems) {
  console.error(p);
}
process.exitCode = problems.length === 0 ? 0 : 1;
