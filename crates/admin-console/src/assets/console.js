// What pages need of a script beyond htmx: modal dialogs, the typed name, keys, copying, and the reader's time zone.
"use strict";
(() => {
  const body = document.body;

  // Times are shown in the reader's zone, which only the browser knows.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const kept = document.cookie.split("; ").find((pair) => pair.startsWith("zone="));
  if (zone && kept !== `zone=${zone}`) {
    document.cookie = `zone=${zone}; Path=/console; SameSite=Lax; Max-Age=31536000`;
    if (!kept && body.querySelector("time")) location.reload();
  }

  // A dialog is shown as modal, whether it came with the page or was put into it. Its `autofocus` is on what does nothing.
  const open = (root, came) => {
    for (const dialog of root.querySelectorAll("dialog[data-modal]:not([data-shown])")) {
      const scrim = dialog.previousElementSibling;
      if (scrim && scrim.matches(".scrim")) scrim.remove();
      dialog.dataset.shown = came;
      dialog.removeAttribute("open");
      dialog.showModal();
      const typed = dialog.querySelector("[data-typed]");
      if (typed) dialog.querySelector("[data-waits]").disabled = typed.value !== typed.dataset.typed;
      // Esc means no. A page that is only this question has nothing below it.
      dialog.addEventListener("close", () => {
        if (came === "page") location.assign(dialog.dataset.back);
        else dialog.remove();
      });
    }
  };
  open(document, "page");
  body.addEventListener("htmx:load", (event) => open(event.target.parentNode || document, "swap"));

  // A question in a row: Esc is No.
  body.addEventListener("keydown", (event) => {
    const no = event.key === "Escape" && !document.querySelector("dialog:modal") && document.querySelector("[data-ask] [data-no]");
    if (no) no.click();
  });
  body.addEventListener("htmx:afterSettle", (event) => {
    const no = event.target.querySelector && event.target.querySelector("[data-ask] [data-no]");
    if (no) no.focus();
  });

  // The button that acts stays off until the name that is asked for is typed. The server checks it, too.
  body.addEventListener("input", (event) => {
    const wanted = event.target.dataset.typed;
    if (wanted === undefined) return;
    const button = event.target.form.querySelector("[data-waits]");
    button.disabled = event.target.value !== wanted;
  });
  // Enter never confirms.
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("dialog[data-modal] input")) event.preventDefault();
  });

  // A second click does not send a form again.
  const sent = new WeakMap();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    const before = sent.get(form);
    if (before && performance.now() - before < 1000) event.preventDefault();
    else sent.set(form, performance.now());
  });

  body.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard.writeText(copy.dataset.copy);
    const address = event.target.closest("[data-copy-address]");
    if (address) navigator.clipboard.writeText(new URL(address.dataset.copyAddress, location.href).href);
    const close = event.target.closest("[data-no]");
    if (close && close.closest("dialog")) {
      event.preventDefault();
      close.closest("dialog").close();
    }
  });

  // Selection: the box at the head ticks the page, the bar is there while somebody is ticked, and a filter that changes says how
  // many it clears.
  const selection = () => {
    const form = document.querySelector("[data-selection]");
    const bar = form && form.querySelector("#selection");
    if (!bar) return;
    const boxes = [...form.querySelectorAll("input[name=u]")];
    const ticked = boxes.filter((box) => box.checked);
    const count = bar.querySelector("[data-ticked]");
    for (const box of boxes) box.closest("tr").classList.toggle("is-sel", box.checked);
    const head = form.querySelector("[data-all]");
    if (head) {
      head.checked = ticked.length === boxes.length;
      head.indeterminate = ticked.length > 0 && ticked.length < boxes.length;
    }
    const had = document.querySelector("[data-had]");
    if (!count) return;
    count.textContent = ticked.length;
    bar.hidden = ticked.length === 0;
    if (had) had.value = ticked.length;
  };
  body.addEventListener("change", (event) => {
    const form = event.target.closest("[data-selection]");
    if (!form) return;
    if (event.target.matches("[data-all]")) {
      for (const box of form.querySelectorAll("input[name=u]")) box.checked = event.target.checked;
    }
    // Who takes somebody out of "all" means those who are left on this page.
    const all = form.querySelector("#selection input[name=select]");
    if (all && !event.target.checked) {
      const page = form.querySelector("#selection a.inline");
      if (page) location.assign(page.href);
      return;
    }
    selection();
  });
  let anchor = null;
  body.addEventListener("click", (event) => {
    const box = event.target.closest("[data-selection] input[name=u]");
    if (!box) return;
    const boxes = [...document.querySelectorAll("[data-selection] input[name=u]")];
    if (event.shiftKey && anchor && boxes.includes(anchor)) {
      const [from, to] = [boxes.indexOf(anchor), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
      selection();
    }
    anchor = box;
  });
  selection();
  body.addEventListener("htmx:afterSettle", selection);
  // A filter acts at once; its button is for those without a script.
  const filters = document.getElementById("filters");
  if (filters) filters.addEventListener("change", (event) => { if (!event.target.matches("[type=search]")) filters.requestSubmit(); });

  // Live: one tab of the browser holds the stream and tells the others what has changed in which app. What shows it reads itself
  // again; what somebody is writing in, or has opened, stays as it is.
  const main = document.getElementById("main");
  // A part is read at most every so many seconds. What changes meanwhile is read afterwards, and never forgotten.
  const resting = new Map();
  const read = (id) => {
    const part = document.getElementById(id);
    if (!part) return;
    if (resting.has(id)) { resting.set(id, true); return; }
    resting.set(id, false);
    setTimeout(() => {
      const again = resting.get(id);
      resting.delete(id);
      if (again) read(id);
    }, 1000 * part.dataset.livePart);
    htmx.trigger(part, "live");
  };
  const changed = ({ users = [], more = false }) => {
    for (const part of body.querySelectorAll("[data-live-part]")) {
      const user = part.dataset.liveUser;
      if (more || user === undefined || users.includes(user)) read(part.id);
    }
  };
  let missed = false;
  const change = (named) => {
    if (document.hidden) missed = true; else changed(named);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !missed) return;
    missed = false;
    changed({ more: true });
  });
  body.addEventListener("htmx:beforeSwap", (event) => {
    const cause = event.detail.requestConfig && event.detail.requestConfig.triggeringEvent;
    if (!cause || !["live", "every"].includes(cause.type)) return;
    const part = event.detail.target;
    const writing = part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
    if (writing || part.querySelector("[data-ask], details[open], dialog[open]")) event.detail.shouldSwap = false;
  });

  let heard = Date.now();
  let lost = false;
  const show = () => {
    for (const mark of body.querySelectorAll(".live")) mark.classList.toggle("live--stale", lost);
    for (const note of body.querySelectorAll("[data-live-note]")) note.hidden = !lost;
    for (const time of body.querySelectorAll("[data-live-lost]")) time.textContent = new Date(heard).toLocaleTimeString("sv-SE");
  };
  body.addEventListener("htmx:afterSettle", () => { if (lost) show(); });
  const told = (message) => {
    if (message.lost) {
      if (!lost) { lost = true; show(); }
      return;
    }
    heard = Date.now();
    if (lost) {
      lost = false;
      show();
      change({ more: true });
    } else if (message.change && [undefined, main.dataset.live].includes(message.change.app)) change(message.change);
  };
  if (main && main.dataset.live) {
    const name = "easemob-admin live";
    const channel = new BroadcastChannel(name);
    channel.onmessage = (event) => told(event.data);
    const tell = (message) => { told(message); channel.postMessage(message); };
    const listen = (again) => {
      const source = new EventSource("/console/live");
      const lose = () => {
        tell({ lost: true });
        if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(true), 5000);
      };
      source.onopen = () => {
        // What happened while nobody listened was not told.
        if (again) tell({ change: { more: true } });
        again = true;
      };
      source.addEventListener("beat", () => tell({}));
      source.addEventListener("change", (event) => tell({ change: JSON.parse(event.data) }));
      // Somebody may have signed in again meanwhile, in another tab.
      source.addEventListener("out", () => { source.close(); lose(); });
      source.onerror = lose;
    };
    const began = performance.now();
    if (navigator.locks) {
      navigator.locks.request(name, () => {
        listen(performance.now() - began > 1000);
        return new Promise(() => {});
      });
    } else listen(false);
    setInterval(() => { if (Date.now() - heard > 25000) told({ lost: true }); }, 1000);
  } else if (main && main.dataset.liveEvery) {
    // Without the right to follow the trail, parts are read again from time to time.
    setInterval(() => change({ more: true }), 1000 * Number(main.dataset.liveEvery));
  }

  // What takes a while says so in the place of the answer.
  body.addEventListener("submit", (event) => {
    const loading = event.target.querySelector("[data-loading]");
    if (loading) loading.hidden = false;
  });

  // Paper has what is folded, too.
  const folded = [];
  window.addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details.alt:not([open])")) { one.open = true; folded.push(one); }
  });
  window.addEventListener("afterprint", () => { for (const one of folded.splice(0)) one.open = false; });

  // A file fills a field, from which it is sent like what is pasted.
  for (const one of document.querySelectorAll("[data-needs-script]")) one.hidden = false;
  body.addEventListener("change", async (event) => {
    const field = event.target.dataset.fills && document.getElementById(event.target.dataset.fills);
    if (!field || !event.target.files.length) return;
    field.value = await event.target.files[0].text();
    field.form.requestSubmit();
  });

  // Single keys, which can be switched off. None acts in a field, and none confirms.
  const places = { o: "overview", u: "users", b: "bulk", r: "runs", a: "approvals", l: "limits", t: "audit" };
  const base = (location.pathname.match(/^\/console\/[^/]+(?=\/)/) || [])[0];
  let went = false;
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select, [contenteditable]");
    if (body.dataset.keys !== "on" || field || event.ctrlKey || event.metaKey || event.altKey) return;
    if (went) {
      went = false;
      const place = places[event.key];
      if (place && base) location.assign(`${base}/${place}`);
      return;
    }
    const rows = [...document.querySelectorAll("[data-rows] > tr")];
    const at = rows.indexOf(document.activeElement.closest("[data-rows] > tr"));
    const press = (selector, root = document) => {
      const found = root.querySelector(selector);
      if (found) { event.preventDefault(); found.click(); }
    };
    switch (event.key) {
      case "g": went = true; break;
      case "/": { const find = document.getElementById("q"); if (find) { event.preventDefault(); find.focus(); } break; }
      case "j": case "k": {
        const row = rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)))];
        if (row) (row.querySelector("a, button, input") || row).focus();
        break;
      }
      case "x": if (rows[at]) press("input[type=checkbox]", rows[at]); break;
      case "[": press("[data-previous]"); break;
      case "]": press("[data-next]"); break;
      case ".": press("#stop"); break;
      case "?": press("[data-keys-list]"); break;
    }
  });
})();
