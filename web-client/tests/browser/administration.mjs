import { createServer } from "node:http";

/** The pages of administration for the tour of pages.mjs, which hands over the page and what it checks with. */
export function administration({ page, place, check, accessible, shot }) {
  // The receiver of the notifications; the server under test is told that it may reach this machine.
  const receiver = createServer((request, response) => {
    request.resume();
    response.statusCode = receiver.answers;
    response.end();
  });
  receiver.answers = 204;
  receiver.unref();
  const listening = new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  return [
    {
      name: "notifications",
      title: "Notifications",
      go: place("Notifications"),
      find: () => page.getByRole("heading", { name: "Add a webhook" }),
      also: async () => {
        await listening;
        await page.getByRole("button", { name: "Add a webhook" }).click();
        await accessible("notifications: the form");
        await shot("notifications-form");
        await page.getByLabel(/^Name/).fill("service portal");
        await page.getByLabel(/^URL/).fill(`http://127.0.0.1:${receiver.address().port}/hooks/meridian`);
        await page.getByLabel("Enrolments requested").check();
        await page.getByRole("button", { name: "Add the webhook" }).click();
        await page.getByText(/^whsec_/).waitFor();
        await page
          .getByRole("rowheader", { name: /service portal/ })
          .first()
          .waitFor();
      },
      after: () =>
        page
          .getByRole("rowheader", { name: /service portal/ })
          .first()
          .getByRole("link")
          .click(),
    },
    {
      name: "webhook",
      title: "service portal",
      go: () => page.getByRole("button", { name: "Send a test" }).click(),
      find: () => page.getByText("The test arrived: the receiver answered 204", { exact: false }),
      also: () => page.locator('[data-attempt="test"]').first().waitFor(),
      after: () => {
        receiver.answers = 400;
      },
    },
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
        await page.getByText(/^mjt_/).waitFor({ state: "detached" });
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
    {
      // The receiver refused to hear of the enrolment.
      name: "dead-letters",
      title: "Dead letters",
      go: async () => {
        await place("Notifications")();
        await page
          .getByRole("rowheader", { name: /service portal/ })
          .first()
          .getByRole("link")
          .click();
        await page.getByRole("link", { name: "Dead letters" }).click();
      },
      find: () => page.locator("[data-letter]", { hasText: "enrolment.requested" }).first(),
      after: async () => {
        receiver.answers = 204;
        await page
          .getByRole("checkbox", { name: /^Choose/ })
          .first()
          .check();
        await page.getByRole("button", { name: "Redeliver the chosen (1)" }).click();
        await page.getByText("1 put back into the queue.").waitFor();
        await page.getByRole("link", { name: "service portal" }).click();
        await page.locator('[data-attempt="enrolment.requested"]', { hasText: "delivered" }).first().waitFor();
        await page.getByRole("button", { name: "Delete" }).click();
        await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
        await page.getByRole("heading", { name: "Add a webhook" }).waitFor();
      },
    },
    {
      name: "tokens",
      title: "API tokens",
      go: place("API tokens"),
      find: () => page.getByRole("heading", { name: "Make a token" }),
      also: async () => {
        await page.getByLabel(/^Name/).fill("service portal");
        await page.getByLabel(/^These sites/).fill("muc-01");
        await page.getByRole("button", { name: "Make a token" }).click();
        await page.getByText(/^mat_/).waitFor();
        await page
          .getByRole("rowheader", { name: /^service portal/ })
          .first()
          .waitFor();
      },
      after: async () => {
        await page.getByRole("button", { name: "I have kept it" }).click();
        await page.getByText(/^mat_/).waitFor({ state: "detached" });
        await page
          .getByRole("button", { name: /^Revoke service portal/ })
          .first()
          .click();
        await page.getByLabel(/^Reason/).fill("a trial");
        await page.keyboard.press("Enter");
        await page
          .getByText(/: a trial$/)
          .first()
          .waitFor();
      },
    },
  ];
}
