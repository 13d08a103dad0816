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

  body.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard.writeText(copy.dataset.copy);
    const close = event.target.closest("[data-no]");
    if (close && close.closest("dialog")) {
      event.preventDefault();
      close.closest("dialog").close();
    }
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
      case ".": press("[data-stop]"); break;
      case "?": press("[data-keys-list]"); break;
    }
  });
})();
