// Locks and bans: those that should have ended come first, and are lifted with a reason.

/** Waits until a dialog is shown as modal. */
const modal = (page) => page.waitForSelector("dialog[data-shown]");

/** Acts on users by the API, and waits for the end. */
async function act(play, action, users, reason) {
  const made = await play.api("POST", "runs", { action, users, reason, ticket: "SEC-7" });
  play.equal(made.status, 201, JSON.stringify(made.body));
  await play.until("it ends", async () => (await play.api("GET", `runs/${made.body.id}`)).body.state === "done");
}

const locked = async (play) => (await play.api("GET", "locks")).body.items.map((lock) => lock.user);

export default {
  async "an overdue lock comes first, and is lifted with a reason"(play) {
    const at = (seconds) => new Date(Date.now() + 1000 * seconds).toISOString();
    await act(play, { kind: "lock", until: at(3600) }, ["user001"], "leaked password");
    await act(play, { kind: "lock", until: at(7200) }, ["user004", "user005"], "fraud <b>case</b>");
    await act(play, { kind: "lock", until: at(3) }, ["user002"], "spam");
    await play.until("one is due", async () => (await play.api("GET", "locks?due=true")).body.items.length === 1);
    const page = await play.person();
    await play.open(page, "overview");
    await page.click("text=/Locks that should have ended: 1/");
    await page.waitForURL(/\/locks$/);
    const rows = page.locator("#list tbody tr");
    play.equal(await rows.count(), 4);
    const first = await rows.first().textContent();
    for (const said of ["user002", "overdue", "spam", "SEC-7"]) play.true(first.includes(said), `the first row says ${said}: ${first}`);
    play.true((await rows.nth(1).textContent()).includes("user001"), "then the one that ends next");
    play.equal(await page.locator("#list b").count(), 0, "a hostile reason is text");
    await play.accessible(page, "locks");
    await play.shot(page, "locks");
    await page.click("text=Lift 1 overdue…");
    await modal(page);
    await play.focusIsOn(page, "Cancel");
    await play.accessible(page, "locks/lift");
    await page.fill("dialog [name=reason]", "the time is over");
    await page.click("dialog button.btn--go");
    await page.waitForURL(/\/runs\//);
    await play.until("it is lifted", async () => (await locked(play)).length === 3);
    const { body } = await play.api("GET", "audit?user=user002&order=newest&limit=5&all=true");
    play.true(JSON.stringify(body).includes("the time is over"), "the trail has the reason");
    // Several at once, in Chinese and on a phone.
    const phone = await play.person(play.world.key, { language: "zh", width: 390 });
    await play.open(phone, "locks");
    await phone.check("input[value=user004]");
    await phone.check("input[value=user005]");
    await phone.click("#selection >> text=解除锁定…");
    await modal(phone);
    await phone.fill("dialog [name=reason]", "误报");
    await phone.click("dialog button.btn--go");
    await phone.waitForURL(/\/runs\//);
    await play.until("they are lifted", async () => (await locked(play)).length === 1);
    // One, by its row.
    await play.open(page, "locks");
    await page.locator("#list tbody tr", { hasText: "user001" }).locator("text=Lift…").click();
    await modal(page);
    await page.fill("dialog [name=reason]", "found again");
    await page.click("dialog button.btn--go");
    await page.waitForURL(/\/runs\//);
    await play.until("it is lifted", async () => (await locked(play)).length === 0);
    await play.open(page, "locks");
    await page.waitForSelector("h2:has-text('Nobody is locked')");
    await play.accessible(page, "no locks");
  },

  async "the banned are counted, listed, and only as many as the server says"(play) {
    await act(play, { kind: "ban" }, ["user003", "user006"], "abuse");
    const page = await play.person();
    await play.until("the overview counts them", async () => {
      await play.open(page, "overview");
      return (await page.locator(".fig", { hasText: "Locked / banned" }).textContent()).includes("0 / 2");
    });
    await page.click(".fig a[href$='/bans']");
    await page.waitForURL(/\/bans$/);
    play.equal(await page.locator("#list tbody tr").count(), 2);
    await play.accessible(page, "bans");
    await page.locator("#list tbody tr", { hasText: "user006" }).locator("text=Lift the ban…").click();
    await page.waitForSelector("dialog");
    await page.fill("dialog [name=reason]", "appeal");
    await page.click("dialog button.btn--go");
    await page.waitForSelector("text=Active, not locked, not banned");
    await play.open(page, "bans");
    play.equal(await page.locator("#list tbody tr").count(), 1);
  },

  async "the budget is a card that the header leads to"(play) {
    const page = await play.person();
    // Two pages give the calls between them.
    await play.until("the header knows the budget", async () => {
      await play.open(page, "users/user001");
      return (await page.locator(".top .budget").count()) === 1;
    });
    await page.click(".top .budget");
    await page.waitForURL(/overview#budget/);
    const card = page.locator("#budget");
    play.true(await card.isVisible(), "the card is there");
    for (const said of ["Users, devices and sessions", "Presence", "as of"]) {
      play.true((await card.textContent()).includes(said), `the card says ${said}`);
    }
    for (const figure of await page.locator("dl.figs .fig").all()) {
      play.true((await figure.locator("a").count()) >= 1, "every figure links to what it counts");
    }
  },
};
