// Plays the scenarios of a file of `scenarios/` in headless Chromium, and tells of each whether it passed.
// Usage: node play.mjs FILE WORLD [PART OF A SCENARIO'S NAME]; WORLD is JSON and says where the console is and which keys there
// are. CHROMIUM names the browser; SHOTS a directory for pictures.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { launch, look } from "./browser.mjs";

const [file, given, only = ""] = process.argv.slice(2);
const world = JSON.parse(given);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The longest that a scenario takes. */
const LONGEST = 300_000;

const browser = await launch();

/** What a scenario works with. Whatever no page may ever do is noted, and fails it. */
class Play {
  constructor() {
    this.world = world;
    this.wrong = [];
    this.contexts = [];
  }

  /** Opens a browser in which nobody is signed in, and returns it with a page. */
  async visitor(seen = {}) {
    const context = await browser.newContext(look(seen));
    this.contexts.push(context);
    context.on("request", (request) => {
      const known = [world.url, world.issuer, "data:"].some((place) => place && request.url().startsWith(place));
      if (!known) {
        this.wrong.push(`a request to another host: ${request.url()}`);
      }
    });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on("pageerror", (error) => this.wrong.push(`an error of the script: ${error.message}`));
    page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) this.wrong.push(message.text());
    });
    return { context, page };
  }

  /** Signs somebody in with a key, in a browser of their own, and returns a page. */
  async person(key = world.key, seen = {}) {
    const { page } = await this.visitor(seen);
    await page.goto(`${world.url}/console/sign-in`);
    await page.fill("#key", key);
    await Promise.all([page.waitForURL((url) => !url.pathname.endsWith("/sign-in")), page.click("form button.btn:visible")]);
    return page;
  }

  /** Opens a page of the app. */
  async open(page, path) {
    const answer = await page.goto(`${world.url}/console/${world.app}/${path}`);
    return answer;
  }

  /** Asks the HTTP API. */
  async api(method, path, body, key = world.key) {
    const answer = await fetch(`${world.url}/v1/apps/${world.app}/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, body: text ? JSON.parse(text) : undefined };
  }

  /** Returns the resource ids of the devices of a user that are online. */
  async devices(user) {
    const { body } = await this.api("GET", `users/${encodeURIComponent(user)}/devices`);
    return body.devices.map((one) => one.device).sort();
  }

  /** Waits until something is so. */
  async until(what, is) {
    const end = Date.now() + 120_000;
    while (!(await is())) {
      if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
      await new Promise((later) => setTimeout(later, 50));
    }
  }

  /** Waits until the focus is on what has this text: it goes there when the page has settled. */
  focusIsOn(page, text) {
    const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
    return this.until(`the focus is on ${text}`, async () => (await focused()) === text);
  }

  /** Fails if a page is not accessible, or wider than its window. */
  async accessible(page, what) {
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const result = await window.axe.run(document);
      const width = document.documentElement.scrollWidth - window.innerWidth;
      return {
        violations: result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ").slice(0, 400)}`),
        width,
      };
    });
    for (const violation of found.violations) this.wrong.push(`${what}: ${violation}`);
    if (found.width > 0) this.wrong.push(`${what}: the page is ${found.width} px wider than its window`);
  }

  /** Keeps a picture, if somebody wants to see it. */
  async shot(page, name) {
    if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
  }

  equal(found, wanted, what = "") {
    const [left, right] = [found, wanted].map((value) => JSON.stringify(value));
    if (left !== right) throw new Error(`${what} found ${left}, wanted ${right}`);
  }

  true(is, what) {
    if (!is) throw new Error(what);
  }
}

const scenarios = Object.entries((await import(`./scenarios/${file}.mjs`)).default);
let failed = 0;
for (const [name, scenario] of scenarios.filter(([name]) => name.includes(only))) {
  const play = new Play();
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("it took too long")), LONGEST)));
  try {
    await Promise.race([scenario(play), late]);
    if (play.wrong.length) throw new Error([...new Set(play.wrong)].join("; "));
    console.log(`PASS  ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${error.message.replaceAll("\n", " ")}`);
    const page = play.contexts.flatMap((context) => context.pages()).at(-1);
    if (page && process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, "failed.png"), fullPage: true });
  }
  clearTimeout(timer);
  for (const context of play.contexts) await context.close();
}
await browser.close();
process.exit(failed ? 1 : 0);
