// Runs: from the list to one that goes on, is paused, goes on again, and retries what failed.

/** Begins a run over all users by the API, as a script would. */
async function begin(play, users, kind = { kind: "logout", selection: {} }) {
  const made = await play.api("POST", "runs", { action: kind, reason: "leak", ticket: "SEC-1", users });
  play.equal(made.status, 201, JSON.stringify(made.body));
  return made.body.id;
}

const names = (from, to) => Array.from({ length: to - from }, (_, at) => `user${String(from + at).padStart(3, "0")}`);

/** Ends the faults of a call, and leaves the others. */
async function lift(play, call) {
  const address = `${play.world.sandbox}/sandbox/faults`;
  const { faults } = await (await fetch(address)).json();
  await fetch(address, { method: "DELETE" });
  for (const fault of faults.filter((one) => !JSON.stringify(one).includes(call))) {
    const added = await fetch(address, { method: "POST", body: JSON.stringify(fault) });
    play.true(added.ok, await added.text());
  }
}

export default {
  async "a run is paused with a reason, and goes on after the name of the app was typed"(play) {
    const run = await begin(play, names(10, 160));
    const page = await play.person();
    await play.open(page, "runs");
    await page.click(`a[href$="${run}"]`);
    await page.waitForSelector("#progress");
    const shown = async () => Number((await page.textContent(".prog-n")).match(/^[\d,]+/)[0].replaceAll(",", ""));
    const before = await shown();
    const button = await page.$("#pause");
    await play.until("the page moves by itself", async () => (await shown()) > before);
    play.true(await button.evaluate((pause) => pause.isConnected), "a button is not replaced below a click that has begun");
    // Esc and Enter mean no.
    await page.click("text=Pause…");
    await page.waitForSelector("dialog[data-shown]");
    await play.focusIsOn(page, "Cancel");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.click("text=Pause…");
    await page.fill("dialog [name=reason]", "phones ring");
    await page.press("dialog [name=reason]", "Enter");
    play.true(await page.isVisible("dialog[data-shown]"), "Enter confirmed");
    await page.click("dialog button.btn--go");
    await page.waitForSelector("#state .tag:has-text('Paused')");
    play.equal((await play.api("GET", `runs/${run}`)).body.state, "paused");
    await lift(play, "devices.list");
    const left = await shown();
    play.true(left < 130, "it was paused too late to prove anything");
    const { body } = await play.api("GET", `audit?run=${run}&all=true&order=newest&limit=1000`);
    play.true(JSON.stringify(body).includes("phones ring"), "the trail has the reason");
    // More than 20 are left.
    await page.click("text=/Go on with/");
    await page.waitForSelector("dialog[data-shown]");
    play.true(await page.isDisabled("dialog [data-waits]"), "the button waits for the name");
    await page.fill("#typed", play.world.name.toUpperCase());
    play.true(await page.isDisabled("dialog [data-waits]"), "capital letters count");
    await page.fill("#typed", play.world.name);
    await page.click("dialog [data-waits]");
    await play.until("it ends", async () => (await play.api("GET", `runs/${run}`)).body.state === "done");
    await page.waitForSelector(".tag:has-text('Done')");
    play.equal(await shown(), 150);
    play.equal(await play.devices("user159"), []);
    await play.shot(page, "run");
  },

  async "one failure does not end the run, and is retried by itself"(play) {
    // The sandbox refuses to read one of these users, for a while.
    const run = await begin(play, ["user000", "user001", "user002"]);
    await play.until("it ends", async () => (await play.api("GET", `runs/${run}`)).body.state === "done");
    const page = await play.person();
    await play.open(page, `runs/${run}`);
    play.equal(await play.devices("user000"), []);
    play.equal(await play.devices("user002"), []);
    const row = page.locator("#failures tbody tr");
    play.equal(await row.count(), 1);
    play.true((await row.textContent()).includes("user001"), "the failed user is named");
    play.true((await row.textContent()).includes("May succeed"), "it says that a retry may help");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    play.equal(download.suggestedFilename(), `run-${run}-failures.csv`);
    await play.shot(page, "run-failed");
    await fetch(`${play.world.sandbox}/sandbox/faults`, { method: "DELETE" });
    await page.click("text=Retry 1…");
    await page.click("dialog button.btn--danger");
    await play.until("it was signed out", async () => (await play.devices("user001")).length === 0);
    await page.waitForSelector("#failures :text('Nobody failed.')");
  },

  async "whoever may only read has no buttons, and is refused"(play) {
    const run = (await play.api("GET", "runs")).body.items[0].id;
    const page = await play.person(play.world.keys.reader);
    await play.open(page, "runs");
    play.equal(await page.locator("text=New bulk act").count(), 0);
    await play.open(page, `runs/${run}`);
    play.equal(await page.locator("main .btn:has-text('…')").count(), 0);
    for (const act of ["pause", "stop", "resume", "retry"]) {
      const status = await page.evaluate(async ([address, secret]) => {
        const form = new URLSearchParams({ form: secret, reason: "x", users: "100", typed: "" });
        return (await fetch(address, { method: "POST", body: form })).status;
      }, [`/console/${play.world.app}/runs/${run}/${act}`, await page.inputValue("form[action='/console/look'] [name=form]")]);
      play.true([403, 422].includes(status), `${act} was answered with ${status}`);
    }
  },
};
