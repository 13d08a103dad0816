// Loads the vendor's Web SDK, unmodified, as it would be in a page. Its globals must be there before it is loaded.
import { createRequire } from "node:module";
import WebSocket from "ws";

const require = createRequire(import.meta.url);
globalThis.window = globalThis;
globalThis.self = globalThis;
globalThis.navigator ??= { userAgent: "node", onLine: true };
globalThis.location ??= { protocol: "http:", host: "127.0.0.1", href: "http://127.0.0.1/" };
globalThis.addEventListener ??= () => {};

/// Every connection that the SDK has opened, so that one can be cut.
export const sockets = [];
globalThis.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
  }
};
globalThis.XMLHttpRequest = require("xhr2");

const loaded = require("easemob-websdk");
export const sdk = loaded.default ?? loaded;
sdk.logger.disableAll();

/// A device that writes down what happens to it.
export function device(server, id, options = {}) {
  const connection = new sdk.connection({
    appKey: server.app_key,
    apiUrl: server.rest,
    url: server.ws,
    isHttpDNS: false,
    https: false,
    deviceId: id,
    ...options,
  });
  const events = [];
  const note = (kind) => (detail) => events.push({ kind, detail });
  connection.addEventHandler("driver", {
    onConnected: note("connected"),
    onDisconnected: note("disconnected"),
    onReconnecting: note("reconnecting"),
    onError: note("error"),
    onTextMessage: note("text"),
    onCustomMessage: note("custom"),
    onCmdMessage: note("cmd"),
    onOfflineMessageSyncFinish: note("offline_finish"),
    onMultiDeviceEvent: note("multi_device"),
    onGroupEvent: note("group"),
    onContactInvited: note("contact_invited"),
    onContactAdded: note("contact_added"),
    onContactAgreed: note("contact_agreed"),
    onContactRefuse: note("contact_refused"),
    onContactDeleted: note("contact_deleted"),
  });
  return { connection, events, id };
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/// Waits for something to become true, and returns it.
export async function until(what, look, ms = 8000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(10);
  }
}

export function saw(device, kind, fits = () => true) {
  return until(`${kind} at ${device.id}`, () => device.events.find((e) => e.kind === kind && fits(e.detail)));
}
