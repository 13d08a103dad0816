// People who sign in with their issuer, which is another site: there, back again, and there once more for an act that needs it.

/** Presses the button of the issuer, and says there who it is if asked. */
async function through(page, { asked }) {
  await page.click("text=/Acme 员工/");
  if (asked) {
    await page.waitForURL((url) => url.origin.includes("localhost"));
    await page.click("text=I am ann@example.com");
  }
}

export default {
  async "somebody signs in with the issuer, acts, is sent there again, and comes back to the page"(play) {
    const { page } = await play.visitor();
    const ban = `${play.world.url}/console/${play.world.app}/users/user001/ban`;
    // The issuer knows the browser for an hour, and asks nothing.
    await page.goto(`${play.world.url}/console/${play.world.app}/users/user001`);
    await page.waitForURL(/\/console\/sign-in\?/);
    await play.accessible(page, "the page to sign in on");
    await play.shot(page, "sign-in");
    await through(page, { asked: false });
    await page.waitForURL(/\/users\/user001$/);
    play.true((await page.textContent(".me")).includes("ann@example.com"), "the name of the issuer");
    const cookies = await page.context().cookies();
    const kept = cookies.map((cookie) => [cookie.name, cookie.sameSite, cookie.httpOnly]);
    play.equal(kept.filter(([name]) => name.startsWith("easemob")), [["easemob-admin-session", "Strict", true]], "what the browser keeps");
    // That is enough to sign one device out.
    const row = page.locator("#devices tr", { hasText: "webim_1" });
    await row.locator("text=Sign out").click();
    await page.fill("[data-ask] [name=reason]", "lost phone");
    await page.click("[data-ask] button.btn--danger");
    await page.waitForSelector("#devices tr.is-busy .tag:has-text('Signed out')");
    // A ban wants somebody who has just shown who it is.
    await page.goto(ban);
    await page.waitForURL(/\/console\/sign-in\?again=1/);
    await through(page, { asked: true });
    await page.waitForURL(ban);
    await page.waitForSelector("dialog[data-shown]");
    await page.fill("dialog [name=reason]", "spam");
    await page.fill("#typed", play.world.name);
    await page.click("dialog [data-waits]");
    await page.waitForURL(/\/users\/user001/);
    await play.until("the user is banned", async () => (await play.api("GET", "users/user001")).body.banned === true);
    const { body } = await play.api("GET", "audit?all=true&order=newest&limit=1000");
    play.true(JSON.stringify(body).includes("ann@example.com"), "the trail names who acted");
    // Signed out, nothing is left behind the back button, and the issuer asks again.
    await page.goto(`${play.world.url}/console/${play.world.app}/settings`);
    await page.click("text=Sign out of the console");
    await page.waitForURL(/\/console\/sign-in/);
    await page.goBack();
    await page.waitForURL(/\/console\/sign-in\?next=/);
    play.equal(await page.locator("text=ann@example.com").count(), 0, "pages of whoever signed out");
    await page.goto(`${play.world.url}/console/sign-in?out=1`);
    await through(page, { asked: true });
    await page.waitForURL(/\/overview$/);
  },

  async "an administrator sees the roles of groups, and that the webhook does not answer"(play) {
    const page = await play.person(play.world.key, { width: 1440 });
    await play.open(page, "settings/service");
    const roles = await page.textContent("section:has(h2:text-is('Roles'))");
    play.true(roles.includes(play.world.issuer) && roles.includes("users:write"), roles);
    await page.click("text=Send a test notice");
    await play.until("the webhook is known to fail", async () => {
      await page.reload();
      return (await page.textContent("main")).includes("The receiver does not answer");
    });
    const webhook = await page.textContent("section:has(h2:text-is('Webhook'))");
    play.true(webhook.includes("http://127.0.0.1:9") && !webhook.includes("s3cret"), webhook);
    await play.accessible(page, "the settings of the service");
    await play.shot(page, "settings-service");
    const phone = await play.person(play.world.key, { width: 390, language: "zh", dark: true });
    await play.open(phone, "settings/service");
    await play.accessible(phone, "the settings of the service on a phone");
    await play.shot(phone, "settings-service-phone");
  },

  async "a sign-in works without a script, in Chinese, and another one in the browser is not taken for it"(play) {
    const { page, context } = await play.visitor({ language: "zh", script: false, width: 390 });
    await page.goto(`${play.world.url}/console/${play.world.app}/runs`);
    await play.shot(page, "sign-in-phone");
    await page.click("text=/Acme 员工/");
    await page.waitForURL(/\/runs$/);
    // The answer once more, as the history of the browser has it.
    const answers = [];
    context.on("request", (request) => { if (request.url().includes("code=")) answers.push(request.url()); });
    await page.goto(`${play.world.url}/console/sign-in?next=%2Fconsole%2Fapps`);
    await page.click("text=/Acme 员工/");
    await page.waitForURL(/\/console\/apps$/);
    const again = await page.goto(answers[0]);
    play.equal(again.status(), 401);
    play.true((await page.textContent("[role=alert]")).includes("请在本页"), "what to do next");
    await page.goto(`${play.world.url}/console/apps`);
    play.true(page.url().endsWith("/console/apps"), "the session goes on");
  },
};
