// The trail: found, opened, verified, exported.

export default {
  async "an entry is found and opened, the trail verifies, and an export has a safe name"(play) {
    const made = await play.api("POST", "runs", { action: { kind: "logout", selection: {} }, reason: "lost phone <b>", ticket: "SEC-7", users: ["user000"] });
    const run = made.body.id;
    await play.until("it ends", async () => (await play.api("GET", `runs/${run}`)).body.state === "done");
    const page = await play.person();
    await play.open(page, "audit");
    await page.fill("#f", "user000");
    await page.click(".filters button");
    await page.waitForSelector("#list tbody tr");
    play.true((await page.textContent("#list tbody tr:first-child")).includes("user000"), "the subject");
    await page.click("#list tbody tr:first-child th a");
    await page.waitForSelector("#event #entry");
    play.true(page.url().includes("e="), "an entry has an address of its own");
    const text = await page.textContent("#event");
    play.true(text.includes("lost phone <b>"), "the reason, as text");
    play.true(text.includes('"seq"'), "the line as it is stored");
    await page.reload();
    play.true(await page.isVisible("#event #entry"), "the address is enough");
    await page.click("text=Verify now");
    await page.waitForSelector("h2:has-text('The trail verifies')");
    await play.shot(page, "audit");
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.click("text=Copy head");
    const head = (await play.api("GET", "audit/head")).body.head;
    play.equal(await page.evaluate(() => navigator.clipboard.readText()), head);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Export")]);
    play.true(/^audit-[A-Za-z0-9_-]+\.jsonl$/.test(download.suggestedFilename()), download.suggestedFilename());
    // A run leads to its entries.
    await play.open(page, `runs/${run}`);
    await page.click("text=Audit entries");
    await page.waitForSelector("#list tbody tr");
    play.true((await page.locator("#list tbody tr").count()) >= 3, "begin, intent, outcome, end");
  },

  async "a filter that matches nothing shows nothing, and never everything"(play) {
    const page = await play.person();
    await play.open(page, "audit?q=nobody-at-all&by=user");
    play.equal(await page.locator("#list tbody tr").count(), 0);
    play.true(await page.isVisible("text=No entry matches"), "it says so");
    const wrong = await play.open(page, "audit?outcome=postponed");
    play.equal(wrong.status(), 400, "an unknown filter");
  },
};
