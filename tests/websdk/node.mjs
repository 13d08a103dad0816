// Plays the scenarios with the vendor's Web SDK in Node.
// Usage: node node.mjs READY_LINE [PART OF A SCENARIO'S NAME], where READY_LINE is what `sandbox serve` prints.
// WEBSDK names the package of an older SDK.
import { createRequire } from "node:module";
import WebSocket from "ws";
import { harness } from "./harness.mjs";
import { differs } from "./older/differs.mjs";
import { play } from "./play.mjs";

// The SDK takes Node for a page if it finds these when it is loaded.
const require = createRequire(import.meta.url);
globalThis.window = globalThis;
globalThis.self = globalThis;
globalThis.navigator ??= { userAgent: "node", onLine: true };
globalThis.location ??= { protocol: "http:", host: "127.0.0.1", href: "http://127.0.0.1/" };
globalThis.addEventListener ??= () => {};
// Some of the older ones also look whether the page is visible.
globalThis.document ??= { addEventListener: () => {}, removeEventListener: () => {}, visibilityState: "visible" };
const sockets = [];
globalThis.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
  }
};
globalThis.XMLHttpRequest = require("xhr2");
const older = process.env.WEBSDK;
const loaded = require(older ? `./older/node_modules/${older}` : "easemob-websdk");
const sdk = loaded.default ?? loaded;
sdk.logger.disableAll();

// What goes wrong inside the SDK shows here and nowhere else.
let unhandled = 0;
process.on("unhandledRejection", (error) => {
  unhandled++;
  console.log(`FAIL  unhandled rejection: ${String(error?.stack ?? JSON.stringify(error)).replaceAll("\n", " ")}`);
});
const [ready, only] = process.argv.slice(2);
const failed = await play(harness(sdk, JSON.parse(ready), sockets), (line) => console.log(line), only, undefined, differs[older]);
process.exit(failed + unhandled ? 1 : 0);
