// Paper, and what must not move: pages as evidence, and a run that goes on.

/** The pages that are printed as evidence. */
async function evidence(play) {
  const made = await play.api("POST", "runs", { action: { kind: "logout", selection: {} }, reason: "leak", users: ["user000", "user001"] });
  const run = made.body.id;
  await play.until("it ends", async () => (await play.api("GET", `runs/${run}`)).body.state === "done");
  return [`runs/${run}`, "audit?all=on", "logins", `plans/${run}`, "users/user000", "locks"];
}

export default {
  async "paper has no navigation, all rows, times with their zone, and black on white"(play) {
    const page = await play.person(play.world.key, { dark: true });
    for (const path of await evidence(play)) {
      await play.open(page, path);
      await page.emulateMedia({ media: "print", colorScheme: "dark" });
      const found = await page.evaluate(() => {
        const shown = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.getClientRects().length).map((one) => one.className || one.tagName);
        const main = document.getElementById("main");
        const texts = [...main.querySelectorAll("h1, h2, td, th, dd, dt, p, li")].filter((one) => one.getClientRects().length);
        const time = main.querySelector("time[title]");
        return {
          left: shown(".top, .side, .tabs-phone, .btn, button, select, textarea, nav, .selbar, .filters"),
          first: document.querySelector(".print-only").textContent,
          dark: texts.filter((one) => getComputedStyle(one).color !== "rgb(0, 0, 0)").length,
          ground: getComputedStyle(document.body).backgroundColor,
          cut: [...main.querySelectorAll(".tw, .log")].filter((one) => one.scrollHeight > one.clientHeight + 1).length,
          time: time && [time.title, getComputedStyle(time).fontSize, getComputedStyle(time, "::after").content !== "none"],
        };
      });
      play.equal(found.left, [], `${path} shows on paper`);
      play.true(/^Printed .*UTC\+8.* · .* · .*#/.test(found.first), `${path} begins with ${found.first}`);
      play.equal([found.dark, found.ground, found.cut], [0, "rgb(255, 255, 255)", 0], path);
      if (found.time) {
        const [full, size, after] = found.time;
        play.true(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(UTC\+8\)$/.test(full) && size === "0px" && after, `${path} has the time ${found.time}`);
      }
      play.true((await page.pdf()).length > 1000, "it can be printed");
      await page.emulateMedia({ media: null, colorScheme: "dark" });
    }
  },

  async "nothing moves while a run goes on"(play) {
    const users = Array.from({ length: 90 }, (_, at) => `user${String(at).padStart(3, "0")}`);
    const made = await play.api("POST", "runs", { action: { kind: "logout", selection: {} }, reason: "leak", users });
    const page = await play.person();
    for (const [path, has] of [[`runs/${made.body.id}`, "#progress"], ["overview", "#overview"]]) {
      await play.open(page, path);
      await page.waitForSelector(has);
      await page.evaluate(() => {
        window.moved = [];
        const note = (list) => {
          for (const shift of list.getEntries()) {
            if (!shift.hadRecentInput) window.moved.push([shift.value, ...shift.sources.map((source) => source.node && (source.node.id || source.node.className || source.node.nodeName))]);
          }
        };
        new PerformanceObserver(note).observe({ type: "layout-shift", buffered: false });
      });
      let readings = 0;
      page.on("response", (answer) => { if (answer.request().headers()["hx-request"]) readings += 1; });
      await play.until("the page was read again", async () => readings >= (has === "#progress" ? 4 : 2));
      const moved = await page.evaluate(() => window.moved);
      play.true(moved.reduce((sum, [value]) => sum + value, 0) < 0.01, `${path} moved: ${JSON.stringify(moved)}`);
    }
  },
};
