// Every page in both languages and themes, on a desk and on a phone: accessible, no wider than its window, and within its policy.

const PATHS = ["overview", "users", "users/user000", "runs", "approvals", "approvals?show=all", "audit", "audit?all=on", "bulk", "limits", "logins", "more", "locks", "locks/lift?u=user004",
  "bans", "limits?version=1", "users-selected/ban?u=user005", "settings",
  "settings/keys", "settings/rules", "settings/schedules", "settings/service"];

// Two looks have every language, theme and width between them. EVERY_LOOK adds what else they can be together.
const looks = [];
for (const language of ["en", "zh"])
  for (const dark of [false, true])
    for (const width of [390, 1440]) {
      const isOneOfTwo = (language === "en") === dark && dark === (width === 390);
      if (process.env.EVERY_LOOK || isOneOfTwo) looks.push({ language, dark, width });
    }

/** A name that is longer than a phone is wide, and hostile. */
async function longName(play) {
  const [key] = Object.values(play.world.keys);
  const wide = process.env.EVERY_LOOK ? [{ width: 1440, language: "zh" }] : [];
  for (const look of [{ width: 390 }, ...wide]) {
    const page = await play.person(key, look);
    for (const path of PATHS) {
      const answer = await play.open(page, path);
      play.true(answer.ok(), `${path} was answered with ${answer.status()}`);
      await play.accessible(page, `${path} at ${look.width} px`);
    }
  }
}

export default Object.fromEntries([
  ["a long name fits on every page", longName],
  ...looks.map((look) => [
    `the pages are accessible: ${look.language}, ${look.dark ? "dark" : "light"}, ${look.width} px`,
    async (play) => {
      const page = await play.person(play.world.key, look);
      const runs = (await play.api("GET", "runs")).body.items;
      const entry = (await play.api("GET", "audit?all=true")).body.items[0].seq;
      const done = runs.find((run) => run.state === "done");
      const held = runs.find((run) => run.state === "waiting_for_approval");
      const found = [`runs/${done.id}`, `runs/${held.id}`, `approvals/${held.id}`, `plans/${held.id}`, `runs/${held.id}/stop`, `audit?e=${entry}`];
      let wire = [];
      page.on("requestfinished", (request) => { if (!request.url().endsWith("/live")) wire.push(request.sizes()); });
      for (const path of [...PATHS, ...found]) {
        wire = [];
        const answer = await play.open(page, path);
        play.true(answer.ok(), `${path} was answered with ${answer.status()}`);
        await page.waitForLoadState("load");
        const bytes = (await Promise.all(wire)).reduce((sum, sizes) => sum + sizes.responseBodySize + sizes.responseHeadersSize, 0);
        play.true(bytes > 0 && bytes <= 100 * 1024, `${path} is ${bytes} bytes on the wire`);
        await play.accessible(page, path);
      }
      await play.open(page, "bulk");
      await page.fill("#list", "user000\nuser 1\nuser000");
      await page.click("text=/Check the list|检查名单/");
      await page.waitForSelector("#bad");
      await play.accessible(page, "bulk with bad lines");
    },
  ]),
]);
