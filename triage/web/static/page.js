// What the page adds to htmx: keys, a roving focus that follows its study, waits that go on counting, and a
// connection that says when it is lost. The page works without any of it.
"use strict";
(() => {
  const QUIET_MS = 25000; // the feed speaks every 10 s
  const GIVE_UP_MS = 120000;
  const $ = (id) => document.getElementById(id);
  const rows = () => [...document.querySelectorAll("#rows > tr")];

  // --- the connection -------------------------------------------------------------------------------------
  let heard = Date.now();
  let lostSince = null;

  function clockOf(ms) {
    return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  }
  function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  function live() {
    heard = Date.now();
    lostSince = null;
    show();
  }
  function lost() {
    lostSince = lostSince || Date.now();
    show();
  }
  function show() {
    const [shape, words] = $("live").children;
    $("live").className = lostSince ? "live bad" : "live good";
    say(shape, lostSince ? "◷" : "●");
    say(words, lostSince ? `Stale since ${clockOf(lostSince)}` : "Live");
    $("lost").hidden = !lostSince;
    document.body.classList.toggle("lost", Boolean(lostSince));
    if (!lostSince) return;
    const gone = Date.now() - lostSince > GIVE_UP_MS;
    say($("lost-words"), gone
      ? "Not connected. Use your PACS list."
      : `Live updates lost at ${clockOf(lostSince)}. The order may be out of date. Trying again.`);
  }
  document.body.addEventListener("htmx:sseOpen", (event) => {
    const source = event.detail.source;
    for (const kind of ["change", "resync", "alive"]) source.addEventListener(kind, kind === "alive" ? stay : live);
    source.addEventListener("stale", lost);
  });
  // "alive" tells of the line to the server; only "resync" ends what "stale" began.
  function stay() {
    heard = Date.now();
  }
  document.body.addEventListener("htmx:sseError", lost);
  setInterval(() => {
    if (Date.now() - heard > QUIET_MS) lost();
    if (lostSince) show();
  }, 1000);

  // --- waits ----------------------------------------------------------------------------------------------
  let behind = -Infinity; // server clock minus ours in seconds: the answer that travelled fastest knows best
  function wait() {
    for (const time of document.querySelectorAll("time[data-since]")) {
      const minutes = Math.max(0, Math.floor((Date.now() / 1000 + behind - time.dataset.since) / 60));
      say(time, `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`);
    }
  }
  setInterval(wait, 10000);

  // --- the row in hand: known by its study, not by its place --------------------------------------------------
  let hand = null;
  let place = 0; // where it stood, for when it leaves the list
  function rove() {
    const all = rows();
    const at = all.findIndex((row) => row.dataset.study === hand);
    if (at >= 0) place = at;
    const held = all[Math.min(place, all.length - 1)];
    for (const row of all) row.tabIndex = row === held ? 0 : -1;
    return held;
  }
  function take(row) {
    if (!row) return;
    hand = row.dataset.study;
    rove();
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
  function step(by) {
    const all = rows();
    const at = all.findIndex((row) => row.dataset.study === hand);
    const inside = at >= 0 && all[at].contains(document.activeElement);
    take(all[Math.min(all.length - 1, Math.max(0, inside ? at + by : place))]);
  }
  document.body.addEventListener("focusin", (event) => {
    const row = event.target.closest("#rows > tr");
    if (row && row.dataset.study !== hand) {
      hand = row.dataset.study;
      rove();
    }
  });

  let newest = 0; // when the newest list that was ever shown was read from the database
  function settled() {
    const read = Number($("page").dataset.now);
    behind = Math.max(behind, read - Date.now() / 1000);
    // An act's answer can be overtaken by a refresh that read later: then what is shown is old, so read again.
    if (read < newest) htmx.trigger($("refresh"), "again");
    newest = Math.max(newest, read);
    const focused = document.activeElement;
    const held = rove();
    // A button that an act replaced leaves the focus nowhere: give it to the row it was in.
    if (focused === document.body && hand !== null && held && held.dataset.study === hand) held.focus({ preventScroll: true });
  }
  document.body.addEventListener("htmx:afterSettle", settled);

  // A refresh asked for before the reader opened something else must not close it again: ask anew.
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.pathInfo.requestPath !== "/list") return;
    const asked = new URLSearchParams(event.detail.pathInfo.finalRequestPath.split("?")[1]);
    const here = new FormData($("where"));
    if (["tab", "study"].every((name) => asked.get(name) === here.get(name))) return;
    event.detail.shouldSwap = false;
    htmx.trigger($("refresh"), "again");
  });

  // --- what an act said stays ten seconds, with its undo -------------------------------------------------------
  const MESSAGE_MS = 10000;
  let wiping = 0;
  function wipe() {
    const message = $("message");
    message.className = "";
    message.replaceChildren();
  }
  document.body.addEventListener("htmx:oobAfterSwap", () => {
    clearTimeout(wiping);
    wiping = setTimeout(wipe, MESSAGE_MS);
  });

  // Between a swap and its settling htmx has not bound the new list's buttons: a key pressed then must wait.
  let settling = 0;
  let pressed = [];
  function bound() {
    clearTimeout(settling);
    settling = 0;
    const waiting = pressed;
    pressed = [];
    for (const act of waiting) act();
  }
  document.body.addEventListener("htmx:afterSwap", () => {
    clearTimeout(settling);
    settling = setTimeout(bound, 500);
  });
  document.body.addEventListener("htmx:afterSettle", bound);

  // --- keys: off with one switch (WCAG 2.1.4) -----------------------------------------------------------------
  const KEYS = "triage-keys";
  const press = (scope, key) => scope && scope.querySelector(`[data-key="${key}"]`)?.click();
  const acts = {
    j: () => step(1), ArrowDown: () => step(1),
    k: () => step(-1), ArrowUp: () => step(-1),
    g: () => take(rows()[0]), G: () => take(rows().at(-1)),
    n: () => press(document.querySelector("header"), "n"),
    c: () => press(current(), "c"),
    r: () => press(current(), "r"),
    z: () => press($("message"), "z"),
    " ": toggle, Enter: toggle,
    Escape: () => $("close")?.click(),
  };
  function current() {
    return rows().find((row) => row.dataset.study === hand);
  }
  function toggle() {
    const row = current();
    if (row) row.getAttribute("aria-current") ? $("close")?.click() : press(row, "open");
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !$("keys-on").checked) return;
    if (event.target.matches("input, textarea, select")) return;
    if ((event.key === " " || event.key === "Enter") && event.target.matches("a, button")) return;
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    if (settling) pressed.push(act);
    else act();
  });
  $("keys-on").checked = localStorage.getItem(KEYS) !== "off";
  $("keys-on").addEventListener("change", (event) => localStorage.setItem(KEYS, event.target.checked ? "on" : "off"));

  settled();
})();
