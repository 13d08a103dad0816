// The browser of the scenarios and the pictures: headless, and with nothing but this machine in reach.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

/** The browser that CHROMIUM names. */
function browserPath() {
  const name = process.env.CHROMIUM ?? "chromium";
  if (name.includes("/")) return name;
  const found = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name)).find(existsSync);
  return found ?? name;
}

/** Starts the browser. */
export function launch() {
  return chromium.launch({
    executablePath: browserPath(),
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
      // Whatever a page or the browser asks for.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ],
  });
}

/** Returns what somebody's browser is like. */
export function look({ language = "en", dark = false, width = 1440, height = 900, script = true } = {}) {
  return {
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    locale: language === "zh" ? "zh-CN" : "en-GB",
    timezoneId: "Asia/Shanghai",
    // Each frame of an animation is drawn by the processor.
    reducedMotion: "reduce",
    javaScriptEnabled: script,
  };
}
