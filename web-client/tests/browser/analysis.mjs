/** The pages of analysis for the tour of pages.mjs, which hands over the page and what it checks with. */
export function analysis({ page, place, check }) {
  /** The span is put into the address when the page opens; the history may come to hold the start of the federation later. */
  const lastDayHas = async (what) => {
    for (let tries = 0; tries < 40; tries++) {
      await page.getByRole("button", { name: "Last day", exact: true }).click();
      const found = await what()
        .first()
        .waitFor({ timeout: 1_000 })
        .then(
          () => true,
          () => false,
        );
      if (found) {
        return;
      }
    }
  };
  const spanInAddress = (name) => {
    const search = new URL(page.url()).searchParams;
    const [from, to] = ["from", "to"].map((n) => Date.parse(search.get(n)));
    check(to - from === 86_400_000, `${name}: the address does not hold the last day: ${page.url()}`);
  };
  const evaluated = () => page.getByRole("status").getByText("findings would open", { exact: false });
  return [
    {
      name: "what-if",
      title: "What-if",
      go: place("What-if"),
      find: () => page.getByRole("button", { name: "Evaluate" }),
      also: async () => {
        await page.getByLabel(/^Cluster/).fill("muc-01/prod");
        await page.getByLabel(/^To region/).fill("azure/westeurope");
        await page.getByRole("button", { name: "Add", exact: true }).click();
        await page.getByLabel("What happens").selectOption("lose");
        await page.getByLabel(/^Which/).fill("azure/westeurope");
        await page.getByLabel(/^Which/).press("Enter");
        await page.getByRole("button", { name: "Evaluate" }).click();
        await evaluated().waitFor();
        const closed = page.getByRole("region", { name: /^Findings that close/ });
        check(await closed.getByText("COL-001").isVisible(), "what-if: the Munich mismatch does not heal");
        const munich = page.locator('[data-simulated="muc-01/prod"]');
        check((await munich.textContent()).includes("down"), "what-if: Munich is not down without its region");
      },
      after: async () => {
        const link = page.url();
        await page.goto("about:blank");
        await page.goto(link);
        await evaluated().waitFor();
        check(
          await page.getByText("The database of muc-01/prod moves to azure/westeurope", { exact: true }).isVisible(),
          "what-if: the link does not hold the changes",
        );
      },
    },
    {
      name: "plan",
      title: "Fleet plan",
      go: place("Fleet plan"),
      find: () => page.locator('[data-proposal="separate"]').getByText("ber-02/zk", { exact: false }).first(),
      also: async () => {
        await page.locator('[data-task="move-database"]').first().waitFor();
        for (const fold of await page.locator("main section.card details summary").all()) {
          await fold.click();
        }
      },
      narrow: async () => {
        await page.getByRole("textbox", { name: "Search" }).fill("muc-01");
        await page.locator("[data-task]", { hasText: "ham-03" }).first().waitFor({ state: "detached" });
      },
      after: async () => {
        await page.getByRole("textbox", { name: "Search" }).fill("");
        await page.getByRole("link", { name: "See what the upgrade would change" }).first().click();
        await evaluated().waitFor();
      },
    },
    {
      name: "changes",
      title: "Changes",
      go: async () => {
        await place("Changes")();
        await lastDayHas(() => page.locator('[data-change="opened"]'));
      },
      find: () => page.locator('[data-change="opened"]').first(),
      also: () => spanInAddress("changes"),
      narrow: async () => {
        await page.getByText("Critical and high", { exact: true }).click();
        await page.locator("tr", { hasText: "medium" }).first().waitFor({ state: "detached" });
      },
    },
    {
      name: "differences",
      title: "Differences",
      go: async () => {
        await place("Differences")();
        await lastDayHas(() => page.locator('[data-kind="finding"]'));
      },
      find: () => page.locator('[data-kind="finding"]').first(),
      also: () => spanInAddress("differences"),
      narrow: async () => {
        await page.getByLabel("Only this site").fill("muc-01");
        await page.getByRole("button", { name: "Show this span" }).click();
        await page.getByRole("link", { name: "ber-02/prod" }).first().waitFor({ state: "detached" });
      },
    },
    {
      name: "trends",
      title: "Trends",
      go: async () => {
        await place("Trends")();
        await page.getByLabel("By", { exact: true }).selectOption("severity");
        await lastDayHas(() => page.locator("figure svg[role=img]"));
      },
      find: () => page.getByRole("img", { name: /^findings that fail over time: critical/ }),
      also: async () => {
        spanInAddress("trends");
        await page.getByLabel("A point every").selectOption("1h");
        await page.getByText("Every point of what is drawn").click();
        await page.getByRole("columnheader", { name: "critical" }).waitFor();
      },
    },
  ];
}
