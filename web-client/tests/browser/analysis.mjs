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
  return [
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
