// An application as small as it can be around a UI kit: a user signs in, and sees conversations and one chat.
const { kit, server, user, token } = Object.fromEntries(new URLSearchParams(location.search));
const { rest, ws, app_key } = JSON.parse(server);

const style = document.createElement("link");
Object.assign(style, { rel: "stylesheet", href: `/node_modules/${kit}/style.css` });
document.head.append(style);
await new Promise((loaded, failed) => {
  const script = document.createElement("script");
  Object.assign(script, { src: `/node_modules/${kit}/ChatUI.umd.js`, onload: loaded, onerror: failed });
  document.head.append(script);
});
const { Provider, ConversationList, Chat, Thread, rootStore } = window.ChatUI;
const { createElement } = window.React;

/// What the page is told of its connection's end, for whoever looks at it.
window.told = [];

const App = window.mobxReactLite.observer(() => {
  const thread = rootStore.threadStore.showThreadPanel && createElement("div", { className: "thread" }, createElement(Thread));
  return createElement(
    "div",
    { className: "app" },
    createElement("div", { className: "list" }, createElement(ConversationList)),
    createElement("div", { className: "chat" }, createElement(Chat)),
    thread,
  );
});

const initConfig = { appKey: app_key, restUrl: rest, msyncUrl: ws, isHttpDNS: false, useUserInfo: true, userId: user, token };
const local = { lng: "en", fallbackLng: "en" };
const root = window.ReactDOM.createRoot(document.getElementById("root"));
root.render(createElement(Provider, { initConfig, local }, createElement(App)));

const waiting = setInterval(() => {
  if (!rootStore.loginState) return;
  clearInterval(waiting);
  const { client } = rootStore;
  (client.chatManager ?? client).addEventHandler("page", { onDisconnected: (error) => window.told.push(error) });
  document.title = "signed in";
}, 50);
