// Lists: what was pasted outlives a reload, and all who match are exported and banned.
import { readFile } from "node:fs/promises";

const modal = (page) => page.waitForSelector("dialog[data-shown]");

export default {
  async "a check and a dry run can be loaded again and gone back to"(play) {
    const page = await play.person();
    await play.open(page, "bulk");
    await page.fill("#list", "user000\nuser001\nuser 2");
    await page.fill("#reason", "leak");
    await page.click("text=Check the list");
    await page.waitForURL(/\/bulk\?draft=/);
    await page.reload();
    play.equal(await page.inputValue("#list"), "user000\nuser001\nuser 2");
    play.equal(await page.locator("#bad tbody tr").count(), 1);
    await page.check("input[name=skip]");
    // While users are read, rows of their height say so.
    play.true(await page.isHidden("[data-loading]"), "nothing is read yet");
    await page.evaluate(() => addEventListener("submit", () => {
      sessionStorage.rows = [...document.querySelectorAll("[data-loading] .sk")].filter((one) => one.getClientRects().length).length;
    }));
    await page.click("button[value=dry]");
    await page.waitForSelector("#preview");
    play.equal(await page.evaluate(() => sessionStorage.rows), "12", "rows that say so");
    const read = await page.textContent("#preview .card-h");
    const calls = (await play.api("GET", "traffic")).body.sent;
    await page.reload();
    play.equal(await page.textContent("#preview .card-h"), read, "the dry run is not made again");
    play.equal(await page.inputValue("#reason"), "leak");
    play.true((await play.api("GET", "traffic")).body.sent - calls <= 1, "a reload reads nobody");
    await play.accessible(page, "a dry run");
    const address = page.url();
    await page.click("button[value=plan]");
    await page.waitForURL(/\/plans\//);
    await page.goBack();
    await page.waitForURL(/\/bulk\?draft=/);
    play.equal(await page.inputValue("#list"), "user000\nuser001\nuser 2", "going back loses nothing");
    // The form is of whoever filled it in.
    const other = await play.person(play.world.keys.other);
    const answer = await other.goto(address);
    play.equal(answer.status(), 404);
    play.true((await other.textContent("main")).includes("There is no such draft"), "to others it does not exist");
    await play.accessible(other, "no such draft");
  },

  async "a list of over 10,000 users becomes a plan that names users, and no page has it whole"(play) {
    const page = await play.person();
    await play.open(page, "bulk");
    const lines = Array.from({ length: 12_000 }, (_, at) => `nobody${String(at).padStart(6, "0")}`);
    await page.evaluate((text) => { document.getElementById("list").value = text; }, lines.join("\n"));
    await page.click("text=Check the list");
    await page.waitForURL(/\/bulk\?draft=/);
    play.true((await page.textContent("main")).includes("The list has 12,000 lines"), "it says how long it is");
    play.true((await page.content()).length < 100 * 1024, "the page does not have it whole");
    await page.click("button[value=dry]");
    await page.waitForSelector(".note:has-text('A dry run of this page reads 10,000 users at most')");
    await page.fill("#reason", "leak");
    await page.click("button[value=plan]");
    await page.waitForURL(/\/plans\//);
    play.true((await page.textContent("h1")).includes("12,000 users"), await page.textContent("h1"));
    const run = page.url().split("/plans/")[1];
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("a[download]")]);
    play.equal(download.suggestedFilename(), `plan-${run}.csv`);
    const rows = (await readFile(await download.path(), "utf8")).trimEnd().split("\r\n");
    play.equal([rows.length, rows[0], rows.at(-1)], [12_001, "line,user,device,what", "12000,nobody011999,,all"]);
    play.equal((await play.api("GET", `runs/${run}`)).body.state, "unfinished", "nothing begins by itself");
  },

  async "all who match are exported, by whoever may read them"(play) {
    const page = await play.person();
    await play.open(page, "users?q=user01");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("a[download]")]);
    play.true(/^users-[a-z0-9_-]+-\d{8}-\d{6}\.csv$/.test(download.suggestedFilename()), download.suggestedFilename());
    const rows = (await readFile(await download.path(), "utf8")).trimEnd().split("\r\n");
    play.equal(rows[0], "user,devices,platforms,over_limit,last_seen");
    play.equal(rows.slice(1).map((row) => row.split(",")[0]), Array.from({ length: 10 }, (_, at) => `user01${at}`));
    play.true(rows[1].startsWith("user010,2,android:1 webim:1,false,") || rows[1].startsWith("user010,2,android:1 web:1,false,"), rows[1]);
    const auditor = await play.person(play.world.keys.auditor);
    const answer = await play.open(auditor, "users-export");
    play.equal(answer.status(), 403, "a key that may not read users");
    play.true((await auditor.textContent("main")).includes("devices:read"), "it says what is missing");
    await play.accessible(auditor, "no permission");
  },

  async "some are banned, after the name of the app was typed"(play) {
    const page = await play.person();
    await play.open(page, "users?q=user02&sort=user");
    await page.check("input[value=user020]");
    await page.check("input[value=user021]");
    await page.click("#selection >> text=Ban…");
    await modal(page);
    play.true(await page.isDisabled("dialog [data-waits]"), "the button waits for the name");
    play.true((await page.textContent("dialog")).includes("A ban has no end"), "it says what a ban is");
    await play.accessible(page, "a ban of two");
    await page.fill("dialog [name=reason]", "abuse");
    await page.fill("#typed", play.world.name);
    await page.click("dialog [data-waits]");
    await page.waitForURL(/\/runs\//);
    await play.until("both are banned", async () => (await play.api("GET", "accounts?banned=true")).body.items.length === 2);
  },
};
