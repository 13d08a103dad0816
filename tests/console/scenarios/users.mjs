// Users: from the list to one device, which is kicked; the mistakes of other consoles; looks in both languages and themes.

/** Waits until a dialog is shown as modal. */
const modal = (page) => page.waitForSelector("dialog[data-shown], dialog:modal");

/** Looks at each page, and keeps a picture. */
async function accessible(play, language, dark, width) {
  const page = await play.person(play.world.key, { language, dark, width });
  for (const [name, path] of [
    ["overview", "overview"],
    ["users", "users?sort=user"],
    ["users-all", "users?platform=web&select=page"],
    ["users-none", "users?q=nobody"],
    ["user", "users/user010"],
    ["user-ask", "users/user010?ask=webim_1"],
    ["user-sign-out", "users/user010/sign-out?all=1"],
    ["user-lock", "users/user010/lock"],
    ["user-ban", "users/user010/ban"],
  ]) {
    const answer = await play.open(page, path);
    play.equal(answer.status(), 200, path);
    await play.accessible(page, name);
    const length = (await page.content()).length;
    play.true(length < 100 * 1024, `${name} has ${length} characters`);
    await play.shot(page, `${name}-${language}-${dark ? "dark" : "light"}-${width}`);
  }
}

export default {
  async "one device is found, asked about in its row, and kicked"(play) {
    const page = await play.person();
    await play.open(page, "users");
    await page.fill("#f", "kick");
    await page.press("#f", "Enter");
    await page.click("tbody a >> text=kicked");
    await page.waitForSelector("#devices");
    const row = page.locator("#devices tr", { hasText: "android_live" });
    await row.locator("text=Sign out").click();
    // No comes first, and Esc is no.
    await page.waitForSelector("[data-ask]");
    await play.focusIsOn(page, "No");
    await page.keyboard.press("Escape");
    await page.waitForSelector("[data-ask]", { state: "detached" });
    play.equal(await play.devices("kicked"), ["android_live", "webim_1"]);
    await row.locator("text=Sign out").click();
    await page.fill("[data-ask] [name=reason]", "phone was stolen");
    await page.press("[data-ask] [name=reason]", "Enter");
    play.equal(await play.devices("kicked"), ["android_live", "webim_1"], "Enter confirmed");
    await page.click("[data-ask] button.btn--danger");
    await page.waitForSelector("#devices tr.is-busy .tag:has-text('Signed out')");
    play.equal(await play.devices("kicked"), ["webim_1"]);
    play.true((await page.textContent("#user-head")).includes("1 device is online"), "the head counts again");
    await play.shot(page, "user-kicked");
  },

  async "all devices of a user are signed out in a dialog, in Chinese and without a script"(play) {
    const page = await play.person(play.world.key, { language: "zh", script: false });
    await play.open(page, "users/user030");
    await page.click("text=退出全部 2 台…");
    await page.waitForSelector("dialog[open]");
    await page.fill("dialog [name=reason]", "设备遗失");
    // A reload while the answer to the form arrives has no page to load again.
    await Promise.all([page.waitForEvent("load"), page.click("dialog button.btn--danger")]);
    // Nothing reads the page again by itself.
    await play.until("it is done", async () => {
      await page.reload();
      return (await page.textContent("#user-head")).includes("0 台设备在线");
    });
    play.equal(await page.locator("#devices .tag", { hasText: "已退出" }).count(), 2, "rows that say what became of them");
    play.equal(await play.devices("user030"), []);
    play.true((await page.textContent("#timeline")).includes("设备遗失"), "the timeline has the reason");
  },

  async "a selection is what is ticked, a filter clears it, and all that match is counted"(play) {
    const page = await play.person();
    await play.open(page, "users?sort=user");
    play.true(await page.isHidden("#selection"), "an empty selection has no buttons");
    await page.check("input[value=user001]");
    await page.click("input[value=user003]", { modifiers: ["Shift"] });
    play.equal(await page.textContent("[data-ticked]"), "3");
    await page.selectOption("#platform", "web");
    await page.waitForSelector("text=so the selection of 3 users was cleared");
    play.true(await page.isHidden("#selection"), "nobody is selected any more");
    await page.check("[data-all]");
    play.equal(await page.textContent("[data-ticked]"), "20");
    await page.click("text=/Select all .* that match/");
    await page.waitForSelector("text=/users that match are selected/");
    await play.shot(page, "users-selected");
    await page.click("#selection >> text=Sign out…");
    await modal(page);
    play.true(await page.isDisabled("dialog [data-waits]"), "the button waits for the name");
    await page.click("dialog [data-no]");
    await page.waitForURL(/\/users\?/);
    play.equal((await play.devices("user005")).length, 2, "no means no");
  },

  async "twenty at most are locked in a dialog"(play) {
    const page = await play.person();
    await play.open(page, "users?q=user04&sort=user");
    await page.check("input[value=user040]");
    await page.check("input[value=user041]");
    await page.click("#selection >> text=Lock…");
    await modal(page);
    await page.fill("dialog [name=reason]", "test");
    await page.click("dialog button.btn--danger");
    await page.waitForURL(/\/runs\//);
    await play.until("both are locked", async () => (await play.api("GET", "locks")).body.items.length >= 2);
    await play.open(page, "users/user040");
    await page.waitForSelector(".tag:has-text('Locked')");
    await page.click("text=Unlock…");
    await modal(page);
    await page.fill("dialog [name=reason]", "it was a test");
    await page.click("dialog button.btn--go");
    await page.waitForSelector("text=Active, not locked, not banned");
  },

  async "a page shows what somebody else does, and keeps what is being written"(play) {
    const page = await play.person();
    await play.open(page, "users/user050");
    await page.waitForSelector("#devices >> text=android_1");
    const other = await play.person();
    await play.open(other, "users/user050");
    await play.api("POST", "runs", { action: { kind: "logout", selection: { devices: ["android_1"] } }, reason: "test", users: ["user050"] });
    await page.waitForSelector("#devices >> text=android_1", { state: "detached" });
    await other.waitForSelector("#devices >> text=android_1", { state: "detached" });
    // A question that somebody is answering stays.
    await page.locator("#devices tr", { hasText: "webim_1" }).locator("text=Sign out").click();
    await page.fill("[data-ask] [name=reason]", "half a sen");
    await play.api("POST", "runs", { action: { kind: "logout", selection: { devices: ["nothing_1"] } }, reason: "test", users: ["user050"] });
    await new Promise((later) => setTimeout(later, 3_000));
    play.equal(await page.inputValue("[data-ask] [name=reason]"), "half a sen");
  },

  async "one browser has one stream for three tabs of two apps, and another tab takes over"(play) {
    const first = await play.person();
    const context = first.context();
    const streams = new Set();
    context.on("request", (request) => { if (request.url().endsWith("/live")) streams.add(request); });
    for (const end of ["requestfinished", "requestfailed"]) context.on(end, (request) => streams.delete(request));
    const open = () => [...streams].filter((request) => !request.frame().page().isClosed()).length;
    await play.open(first, "users/user060");
    await first.waitForSelector("#devices >> text=android_1");
    await play.until("the first tab follows", async () => open() === 1);
    const [second, third] = [await context.newPage(), await context.newPage()];
    await second.goto(first.url());
    const other = play.world.apps.find((app) => app !== play.world.app);
    await third.goto(`${play.world.url}/console/${other}/overview`);
    await third.waitForSelector(".live:not(.live--stale)");
    await second.waitForSelector("#devices >> text=android_1");
    await new Promise((later) => setTimeout(later, 1_500));
    play.equal(open(), 1, "streams of three tabs");
    // What happens in one app is nothing to the tab of another.
    let reads = 0;
    third.on("request", () => (reads += 1));
    const logout = { kind: "logout", selection: { devices: ["android_1"] } };
    await play.api("POST", "runs", { action: logout, reason: "test", users: ["user060"] });
    await second.waitForSelector("#devices >> text=android_1", { state: "detached" });
    play.equal(reads, 0, "readings of the other app");
    await first.close();
    await play.until("another tab follows", async () => open() === 1);
    const again = { kind: "logout", selection: { devices: ["webim_1"] } };
    await play.api("POST", "runs", { action: again, reason: "test", users: ["user060"] });
    await second.waitForSelector("#devices >> text=webim_1", { state: "detached" });
    play.equal(open(), 1, "streams of two tabs");
  },

  async "a stream that is lost is said at once"(play) {
    const page = await play.person();
    await page.context().route("**/live", (route) => route.abort());
    await play.open(page, "overview");
    await page.waitForSelector(".live--stale");
    await page.waitForSelector("[data-live-note]:not([hidden])");
  },

  ...Object.fromEntries(
    [["en", false, 1440], ["zh", true, 1440], ["zh", false, 390], ["en", true, 390]].map(([language, dark, width]) => [
      `everybody can use the pages: ${language}, ${dark ? "dark" : "light"}, ${width} px`,
      (play) => accessible(play, language, dark, width),
    ]),
  ),
};
