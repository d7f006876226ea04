/** The pages of administration for the tour of pages.mjs, which hands over the page and what it checks with. */
export function administration({ page, place, check, accessible, shot }) {
  return [
    {
      name: "enrolments",
      title: "Enrolment",
      go: place("Enrolment"),
      find: () => page.getByRole("heading", { name: "Make a join token" }),
      also: async () => {
        await page.getByLabel(/^Site id/).fill("lys-09");
        await page.getByRole("button", { name: "Make a join token" }).click();
        const told = page.getByRole("group", { name: "Join token of lys-09" });
        await told.getByText(/^mjt_/).waitFor();
        const command = `meridian-planner join --server ${new URL(page.url()).origin} --token-file join.token`;
        check((await told.textContent()).includes(command), "enrolments: the command to join with is not told");
        await page
          .getByRole("rowheader", { name: /^lys-09/ })
          .first()
          .waitFor();
      },
      after: async () => {
        await page.getByRole("button", { name: "I have kept it" }).click();
        check((await page.getByText(/^mjt_/).count()) === 0, "enrolments: the token is still shown");
        const revoke = page.getByRole("button", { name: /^Revoke lys-09/ }).first();
        await revoke.press("Enter");
        const dialog = page.getByRole("dialog", { name: "Revoke the enrolment of lys-09" });
        await dialog.getByText("The join token is refused from now on.", { exact: false }).waitFor();
        await accessible("enrolments: revoke");
        await shot("enrolments-revoke");
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "detached" });
        check(await revoke.evaluate((e) => e === document.activeElement), "enrolments: the focus does not come back");
        await revoke.press("Enter");
        await dialog.getByLabel(/^Reason/).fill("the plant was sold");
        await page.keyboard.press("Enter");
        await page.getByText("the plant was sold").first().waitFor();
      },
    },
  ];
}
