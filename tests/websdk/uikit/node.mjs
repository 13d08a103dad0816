// Plays scenarios with the SDK inside the vendor's UIKit in Node.
// Usage: node node.mjs READY_LINE [PART OF A SCENARIO'S NAME], where READY_LINE is what `sandbox serve` prints.
import { createRequire } from "node:module";
import WebSocket from "ws";
import { harness } from "../harness.mjs";
import { play } from "../play.mjs";
import scenarios from "./scenarios.mjs";

// The kit brings components and calls with it, which touch a page while they are loaded. They get one in which
// everything exists and nothing happens. React comes first: with a page it would look for more.
await import("react-dom");
const nothing = new Proxy(function () {}, {
  get: (_, key) => {
    if (key === Symbol.toPrimitive) return () => "";
    if (key === "visibilityState") return "visible";
    return key === "then" ? undefined : nothing;
  },
  apply: () => nothing,
  set: () => true,
});
globalThis.window = globalThis;
globalThis.self = globalThis;
globalThis.document = nothing;
globalThis.HTMLVideoElement = class {};
globalThis.navigator ??= { userAgent: "node", onLine: true };
globalThis.location = { protocol: "http:", host: "127.0.0.1", href: "http://127.0.0.1/" };
globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};
globalThis.XMLHttpRequest = createRequire(import.meta.url)("xhr2");
const sockets = [];
globalThis.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
  }
};
for (const level of ["debug", "info", "log", "warn", "error"]) console[level] = () => {};
const tell = (line) => process.stdout.write(`${line}\n`);

let unhandled = 0;
process.on("unhandledRejection", (error) => {
  unhandled++;
  tell(`FAIL  unhandled rejection: ${String(error?.stack ?? JSON.stringify(error)).replaceAll("\n", " ")}`);
});

const [ready, only] = process.argv.slice(2);
const server = JSON.parse(ready);
const common = harness(undefined, server, sockets);

const EVENTS = ["onConnected", "onDisconnected", "onReconnectFailed", "onTokenExpired", "onMessage"];

let loaded = 0;
/// A device that writes down what happens to it. The SDK has one client per copy of the module, so each device loads
/// a copy of its own.
async function device(id, options = {}) {
  const kit = await import(`easemob-chat-uikit/ChatUI.esm.js?device=${loaded++}`);
  const { ChatClient, ...managers } = kit.useSDK().ChatSDK;
  const client = ChatClient.init({
    appKey: server.app_key,
    deviceId: id,
    serviceConfig: { serverUrls: { restApiUrl: server.rest, wsUrl: server.ws } },
    managers: Object.values(managers),
    ...options,
  });
  const events = [];
  const noting = (kind) => [kind, (detail) => events.push({ kind, detail })];
  client.chatManager.addEventHandler("scenario", Object.fromEntries(EVENTS.map(noting)));
  return { client, events, id };
}

async function signedIn(name, id, options) {
  const made = await device(id, options);
  await made.client.login({ userId: name, token: await common.tokenOf(name) });
  return made;
}

/// Sends a text and returns what the server named it.
async function sendText(from, to, content) {
  const chat = from.client.chatManager;
  const message = chat.createTextMessage({ to, conversationId: to, conversationType: "singleChat", chatType: "singleChat", content });
  return (await chat.sendMessage(message)).msgServerId;
}

const close = (...devices) => Promise.all(devices.map((one) => one.client.logout()));

const failed = await play({ ...common, device, signedIn, sendText, close }, tell, only, [scenarios]);
process.exit(failed + unhandled ? 1 : 0);
