// Limits: a policy is kept, changed and brought back, and the page of a user says why a limit applies.

const FIRST = "default = 4\n[platforms]\nweb = 1\n";
const SECOND = '# two browsers are enough\ndefault = 4\n[platforms]\nweb = 2\n[exempt]\nusers = ["user004"]\n[[user]]\nname = "user005"\ndefault = 7\n';

export default {
  async "a policy is kept, changed, and an earlier version is brought back"(play) {
    const page = await play.person();
    await play.open(page, "limits");
    play.true((await page.textContent("#versions")).includes("No version is kept yet"), "there is none at first");
    for (const [text, version] of [[FIRST, 1], [SECOND, 2]]) {
      await page.fill("#policy", text);
      await page.fill("#why-kept", `version ${version}`);
      await page.click("button[value=keep]");
      await page.waitForSelector(`text=/Version ${version} in force since/`);
    }
    play.equal(await page.inputValue("#policy"), SECOND);
    // A wrong text is told at its line, and nothing is kept.
    await page.fill("#policy", "default = 4\n[platforms]\nweb = -1\n");
    await page.click("button[value=keep]");
    await page.waitForSelector(".ed li.is-bad");
    play.equal((await play.api("GET", "limits/policies")).body.items.length, 2);
    // An earlier version comes into the editor, with what differs.
    await page.click("#versions a[href$='version=1']");
    await page.waitForURL(/version=1/);
    play.equal(await page.inputValue("#policy"), FIRST);
    play.true((await page.textContent("#changes .add")).includes("web = 1"), "what would come back");
    play.true((await page.locator("#changes .del").count()) >= 4, "what would go");
    await play.accessible(page, "an earlier version");
    await play.shot(page, "limits-version");
    // Somebody else was faster.
    const other = await play.api("POST", "limits/policies", { policy: "default = 3\n", after: 2, reason: "meanwhile" });
    play.equal(other.status, 201);
    await page.fill("#why-kept", "back to one browser");
    await page.click("button[value=keep]");
    await page.waitForSelector(".note:has-text('Somebody else has kept a newer version')");
    play.equal(await page.inputValue("#policy"), FIRST, "what was written is still there");
    await page.click("button[value=keep]");
    await page.waitForSelector("text=/Version 4 in force since/");
  },

  async "the page of a user says which limit applies and why"(play) {
    const kept = await play.api("POST", "limits/policies", { policy: SECOND, after: 4, reason: "test" });
    play.equal(kept.status, 201, JSON.stringify(kept.body));
    const page = await play.person();
    const card = async (user) => {
      await play.open(page, `users/${user}`);
      await page.waitForSelector("h2:has-text('Limits that apply')");
      return await page.locator(".card", { hasText: "Limits that apply" }).textContent();
    };
    const plain = await card("user001");
    for (const said of ["Policy, version 5", "1 / 2", "line 4", "default, line 2", "No entry is about this user"]) {
      play.true(plain.includes(said), `it says ${said}: ${plain}`);
    }
    await play.accessible(page, "a user with a policy");
    await play.shot(page, "user-policy");
    const exempt = await card("user004");
    play.true(exempt.includes("Exempt by line 6") && exempt.includes("Nothing is enforced on this user"), exempt);
    const own = await card("user005");
    play.true(own.includes("The entry of line 8 is about this user") && own.includes("1 / 7"), own);
  },
};
