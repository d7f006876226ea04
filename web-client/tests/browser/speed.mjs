// Measures how long a filter takes from the key to the picture in a federation of 10,000 sites, against the browser itself putting a
// plain table of the rows that are seen into the same page. Needs MERIDIAN_URL, the address of anything that serves the built client;
// the server's part is played inside the page, so that only the client is measured.
import { chromium } from "playwright-core";

const { MERIDIAN_URL, CHROMIUM = "/usr/bin/chromium" } = process.env;
if (!MERIDIAN_URL) {
  throw new Error("MERIDIAN_URL is not set");
}
const rounds = 4;
const batches = 6;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
page.on("pageerror", (error) => console.error(error));

await page.addInitScript(() => {
  const severities = ["critical", "high", "medium", "low", null];
  const sites = Array.from({ length: 10_000 }, (_, i) => {
    const severity = severities[i % 5];
    const findings = { fail: 2, critical: 0, high: 0, medium: 0, low: 1, info: 0, unknown: i % 3, waived: 0 };
    if (severity) {
      findings[severity] = 1 + (i % 4);
    }
    return {
      id: `plant-${String(i).padStart(5, "0")}`,
      name: `Plant ${i}`,
      country: ["DE", "US", "JP", "IN", "BR"][i % 5],
      role: "spoke",
      hub: "hq-01",
      liveness: "live",
      observedAt: "2026-11-20T08:00:00Z",
      acceptedAt: "2026-11-20T08:00:00Z",
      heardAt: "2026-11-20T08:00:00Z",
      revision: "r",
      clusters: 1,
      severity,
      findings,
      verdicts: { pass: 40, fail: 2, unknown: 1, notApplicable: 9 },
      regionMatch: i % 7 === 0 ? false : i % 11 === 0 ? null : true,
      coverage: { sites: 1, fresh: 1, stale: 0, factsKnown: 9, factsNeeded: 10 },
    };
  });
  const coverage = { sites: 10_000, fresh: 10_000, stale: 0, factsKnown: 90_000, factsNeeded: 100_000 };
  const cache = new Map();
  /** The body of a page of the list, made once, as a server would have it ready. */
  globalThis.answerOf = (query) => {
    const key = query.toString();
    if (!cache.has(key)) {
      const filter = query.get("filter") ?? "";
      const chosen = sites.filter(
        (s) =>
          filter === "" ||
          (filter.startsWith("severity=critical") ? s.severity === "critical" : s.regionMatch === false),
      );
      const from = Number(query.get("cursor") || 0);
      const to = from + Number(query.get("limit") ?? 100);
      const next = to < chosen.length ? String(to) : "";
      cache.set(key, JSON.stringify({ items: chosen.slice(from, to), next, total: chosen.length, coverage }));
    }
    return cache.get(key);
  };
  const me = JSON.stringify({ name: "n", role: "viewer", sites: [], allSites: true, csrfToken: null, expires: null });
  globalThis.fetch = async (request) => {
    const url = new URL(request.url);
    const body = url.pathname.endsWith("/sites") ? globalThis.answerOf(url.searchParams) : me;
    return new Response(body, { headers: { "Content-Type": "application/json" } });
  };
  globalThis.EventSource = class extends EventTarget {
    close() {}
  };
});

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

let asked = 0;

/** Milliseconds from the Enter key in the filter to the picture with its rows; no filter is asked for twice, so that nothing is cached. */
const client = () => {
  asked += 1000;
  return page.evaluate(
    async ([n, offset]) => {
      const painted = () => new Promise((r) => requestAnimationFrame(() => setTimeout(r)));
      const input = document.querySelector('input[aria-label="Filter"]');
      const write = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
      const second = () => document.querySelectorAll("tr[data-site]")[1]?.dataset.site;
      const times = [];
      for (let i = 0; i < 2 * n; i++) {
        const [start, row] = i % 2 === 0 ? ["regionMatch=false", "plant-00007"] : ["severity=critical", "plant-00005"];
        const filter = `${start} or wps=${offset + i}`;
        globalThis.answerOf(new URLSearchParams({ filter, limit: "200", cursor: "" }));
        write.call(input, filter);
        input.dispatchEvent(new Event("input", { bubbles: true }));
        await painted();
        const began = performance.now();
        input.form.requestSubmit();
        while (document.querySelector(".outdated") !== null || second() !== row) {
          await painted();
        }
        times.push(performance.now() - began);
      }
      return times;
    },
    [rounds, asked],
  );
};

/** The same for a plain table of the rows that are seen, from the same bodies. */
const plain = () =>
  page.evaluate(async (n) => {
    const painted = () => new Promise((r) => requestAnimationFrame(() => setTimeout(r)));
    const seen = Math.ceil(window.innerHeight / 50);
    const host = document.createElement("div");
    host.style.cssText = "position:fixed;inset:0;background:white;z-index:9999";
    document.body.append(host);
    const times = [];
    for (let i = 0; i < 2 * n; i++) {
      await painted();
      const began = performance.now();
      const filter = i % 2 === 0 ? "regionMatch=false" : "severity=critical";
      const { items } = JSON.parse(globalThis.answerOf(new URLSearchParams({ filter, limit: "200", cursor: "" })));
      host.innerHTML = `<table>${items
        .slice(0, seen)
        .map(
          (s) =>
            `<tr><th><a href="#">${s.name}</a><br>${s.id}</th><td>${s.country}</td><td>${s.role}</td><td>${s.liveness}</td><td>${s.clusters}</td><td>${Object.entries(
              s.findings,
            )
              .filter(([, v]) => v > 0)
              .map(([k, v]) => `<span>${v} ${k}</span>`)
              .join(" ")}</td><td>${s.regionMatch}</td><td>${s.observedAt}</td></tr>`,
        )
        .join("")}</table>`;
      await painted();
      times.push(performance.now() - began);
    }
    host.remove();
    return times;
  }, rounds);

/** Medians of both, measured in turns, so that both meet the same weather. */
async function compare() {
  const times = { client: [], plain: [] };
  for (let i = 0; i < batches; i++) {
    times.client.push(...(await client()));
    times.plain.push(...(await plain()));
  }
  return { client: median(times.client), plain: median(times.plain) };
}

await page.goto(new URL("/", MERIDIAN_URL).href);
await page.getByRole("link", { name: "Plant 0", exact: true }).waitFor();
await client();
const first = await compare();
// Everything is loaded, then filtered.
await page.getByRole("button", { name: "Clear" }).click();
for (let more = page.getByRole("button", { name: /Show more/ }); (await more.count()) > 0; ) {
  await more.click({ timeout: 2000 }).catch(() => {});
}
const rows = await page.locator("tr[data-site]").count();
const totals = await page.locator("p[role=status]").textContent();
const all = await compare();
console.log(totals);
console.log(`rows on the page: ${rows}`);
for (const [name, r] of Object.entries({ "the first page loaded": first, "everything loaded": all })) {
  const ratio = (r.client / r.plain).toFixed(2);
  console.log(`${name}: ${r.client.toFixed(1)} ms, a plain table ${r.plain.toFixed(1)} ms, ratio ${ratio}`);
}
await browser.close();
