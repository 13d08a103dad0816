// From a list to a plan, to the approval of somebody else, to the devices that are signed out.

export default {
  async "a list with bad lines becomes a plan, is approved by another person, and is carried out"(play) {
    const ann = await play.person(play.world.keys.ann);
    await play.open(ann, "bulk");
    const lines = Array.from({ length: 30 }, (_, at) => `user${String(at).padStart(3, "0")}`);
    await ann.fill("#list", ["# from the partner", ...lines, "user030,", "user 031", "<b>user032</b>", "USER000", ""].join("\n"));
    await ann.click("text=Check the list");
    await ann.waitForSelector("#bad");
    play.equal(await ann.locator("#bad tbody tr").count(), 3);
    play.equal(await ann.locator("#bad b:text-is('user032')").count(), 0, "a hostile name is text");
    // One suggestion is taken; the rest still stands in the way.
    await ann.click("#bad button[name=take][value='32']");
    await ann.waitForFunction(() => document.querySelectorAll("#bad tbody tr").length === 2);
    await ann.fill("#reason", "leaked passwords");
    await ann.click("button[value=plan]");
    await ann.waitForSelector(".note:has-text('The list has lines that name nobody')");
    await ann.check("input[name=skip]");
    await ann.click("button[value=dry]");
    await ann.waitForSelector("#preview");
    play.equal(await ann.textContent("#preview tr.sum td:nth-child(3)"), "62", "31 users with two devices each");
    play.equal(await play.devices("user000"), ["android_1", "webim_1"], "a dry run changes nothing");
    await play.shot(ann, "bulk");
    await ann.click("button[value=plan]");
    await ann.waitForURL(/\/plans\//);
    await play.shot(ann, "plan");
    const run = ann.url().split("/plans/")[1];
    await ann.click("text=/Carry out: /");
    await ann.waitForSelector("dialog[data-shown]");
    await ann.fill("#typed", play.world.name);
    await ann.click("dialog [data-waits]");
    await ann.waitForURL(/\/approvals\//);
    play.equal(await ann.locator("#decision button[name=decision]").count(), 0, "who asked has no buttons");
    play.true((await ann.textContent("#decision")).includes("You asked for this"), "and reads why");
    const refused = await play.api("POST", `approvals/${run}/approve`, { reason: "me" }, play.world.keys.ann);
    play.equal(refused.status, 409);
    // Somebody else, in Chinese and on a phone.
    const bob = await play.person(play.world.keys.bob, { language: "zh", width: 390 });
    await play.open(bob, "approvals");
    await bob.click(`a[href$="${run}"]`);
    await bob.waitForSelector("#drift table");
    play.equal(await bob.textContent("#drift tbody tr:first-child td:nth-child(3)"), "62");
    await play.shot(bob, "approval");
    await bob.click("#decision button[value=approve]");
    play.true(bob.url().endsWith(run), "an answer without a word is not sent");
    await bob.fill("#word", "与名单一致");
    await Promise.all([bob.waitForResponse((answer) => answer.request().method() === "POST"), bob.click("#decision button[value=approve]")]);
    await bob.waitForSelector("#votes .is-yes");
    await play.open(ann, `approvals/${run}`);
    await ann.click("#decision a.btn--danger");
    await ann.fill("#typed", play.world.name);
    await ann.click("dialog [data-waits]");
    await play.until("it ends", async () => (await play.api("GET", `runs/${run}`)).body.state === "done");
    for (const user of ["user000", "user029", "user030"]) play.equal(await play.devices(user), [], user);
    play.equal(await play.devices("user031"), ["android_1", "webim_1"], "a line that was left out");
  },

  async "a refusal is final, and a reader sees no buttons"(play) {
    const users = Array.from({ length: 25 }, (_, at) => `user${String(40 + at).padStart(3, "0")}`);
    const made = await play.api("POST", "runs", { action: { kind: "ban" }, reason: "spam", users }, play.world.keys.ann);
    play.equal(made.status, 202, JSON.stringify(made.body));
    const run = made.body.id;
    const reader = await play.person(play.world.keys.reader);
    await play.open(reader, `approvals/${run}`);
    play.equal(await reader.locator("#decision button[name=decision]").count(), 0);
    play.true((await reader.textContent("#decision")).includes("sessions:approve"), "it says what is missing");
    const secret = await reader.inputValue("form[action='/console/look'] [name=form]");
    const forged = await reader.evaluate(async ([address, form]) => {
      return (await fetch(address, { method: "POST", body: new URLSearchParams({ form, decision: "approve", reason: "x" }) })).status;
    }, [reader.url(), secret]);
    play.equal(forged, 403);
    const bob = await play.person(play.world.keys.bob);
    await play.open(bob, `approvals/${run}`);
    await bob.fill("#word", "wrong list");
    await bob.click("#decision button[value=refuse]");
    await bob.waitForSelector(".tag:has-text('Refused')");
    play.equal((await play.api("GET", `approvals/${run}`)).body.state, "refused");
  },
};
