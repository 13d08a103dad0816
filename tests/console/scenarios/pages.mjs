// Every page in both languages and themes, on a desk and on a phone: accessible, no wider than its window, and within its policy.

const PATHS = ["overview", "users", "users/user000", "runs", "approvals", "approvals?show=all", "audit", "audit?all=on", "bulk", "limits", "logins", "more", "settings",
  "settings/keys", "settings/rules", "settings/schedules"];

// Each language meets each theme, and each of both meets each width. EVERY_LOOK adds the other half.
const looks = [];
for (const language of ["en", "zh"])
  for (const dark of [false, true])
    for (const width of [390, 1440])
      if (process.env.EVERY_LOOK || ((language === "en") === dark) === (width === 390)) looks.push({ language, dark, width });

export default Object.fromEntries(
  looks.map((look) => [
    `the pages are accessible: ${look.language}, ${look.dark ? "dark" : "light"}, ${look.width} px`,
    async (play) => {
      const page = await play.person(play.world.key, look);
      const runs = (await play.api("GET", "runs")).body.items;
      const entry = (await play.api("GET", "audit?all=true")).body.items[0].seq;
      const done = runs.find((run) => run.state === "done");
      const held = runs.find((run) => run.state === "waiting_for_approval");
      const found = [`runs/${done.id}`, `runs/${held.id}`, `approvals/${held.id}`, `plans/${held.id}`, `runs/${held.id}/stop`, `audit?e=${entry}`];
      for (const path of [...PATHS, ...found]) {
        const answer = await play.open(page, path);
        play.true(answer.ok(), `${path} was answered with ${answer.status()}`);
        await play.accessible(page, path);
      }
      await play.open(page, "bulk");
      await page.fill("#list", "user000\nuser 1\nuser000");
      await page.click("text=/Check the list|检查名单/");
      await page.waitForSelector("#bad");
      await play.accessible(page, "bulk with bad lines");
    },
  ]),
);
