// The keyboard: every act of the page, off with one switch (WCAG 2.1.4). A key presses a button that is on the
// page; nothing can be done by key alone.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const { rows, take, step, tell, drop, hand } = triagePage;
  const press = (scope, key) => {
    const found = scope?.querySelector(`[data-key="${key}"]`);
    found?.click();
    return Boolean(found);
  };

  // One act at a time, in the order pressed: of three forms sent at once htmx drops the middle one. An act belongs to
  // the row that was in hand when its key went down, wherever the reader is by the time it is done.
  const PATIENCE_MS = 15000;
  const SETTLING_MS = 2000;
  const SENDS_NOTHING = ["j", "k", "g", "G", "ArrowDown", "ArrowUp", "f", "/", "?", "y"];
  const FIELDS = ["p", "x", "m", "l"];
  let due = null; // the study of the act that is being done
  const subject = () => due ?? hand();
  const current = () => rows().find((row) => row.dataset.study === subject());
  function on(study, act) {
    due = study;
    act();
    due = null;
  }
  let flying = 0;
  let giveUp = 0;
  let pressed = [];
  let opening = null; // which study's drawer is on its way, and what to do once it is there
  let early = null; // what is typed for a field that is still on its way: those letters are no acts
  function flush() {
    while (!flying && !opening && pressed.length) pressed.shift()();
    if (!underWay()) early = null;
  }
  const underWay = () => Boolean(flying || opening || pressed.length);
  function landed() {
    clearTimeout(giveUp);
    if (opening) giveUp = setTimeout(lostPatience, SETTLING_MS); // the answer may not have opened it
    flying = 0;
    setTimeout(flush); // htmx lets go of the form after it has told of the answer
  }
  function lostPatience() {
    opening = null;
    landed();
  }
  document.body.addEventListener("htmx:beforeSend", (event) => {
    if (event.detail.elt.id === "refresh") return;
    flying += 1;
    clearTimeout(giveUp);
    giveUp = setTimeout(lostPatience, PATIENCE_MS);
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.id === "refresh" || !flying) return;
    flying -= 1;
    if (!event.detail.successful) opening = null;
    if (!flying) landed();
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    if (!opening || $("drawer")?.dataset.study !== opening.study) return;
    const { study, act } = opening;
    opening = null;
    on(study, act);
    setTimeout(flush);
  });
  function inTurn(key, act, study = hand()) {
    const waits = underWay();
    if (SENDS_NOTHING.includes(key)) act();
    else if (waits) pressed.push(() => on(study, act));
    else on(study, act);
    if (FIELDS.includes(key) && (waits || opening)) early = "";
  }

  const open = () => {
    const drawer = $("drawer");
    const free = due === null && !current(); // what a key of another row left behind is for that row alone
    return drawer && (free || drawer.dataset.study === subject()) ? drawer : null;
  };
  // Acts that live in the drawer: open it first where it is not.
  function inDrawer(act) {
    const drawer = open();
    if (drawer) return act(drawer);
    opening = { study: subject(), act: () => act($("drawer")) };
    if (!press(current(), "open")) opening = null;
  }
  const drawerKey = (key) => () => inDrawer((drawer) => press(drawer, key));
  function field(id, key) {
    return () => inDrawer((drawer) => {
      const found = $(id);
      if (found && subject() !== hand()) return; // the reader went on to another row
      found?.closest("details")?.setAttribute("open", "");
      if (found && drawer.contains(found)) found.focus();
      else press(drawer, key);
      if (early && found?.matches("input:not([type=checkbox], [type=radio]), textarea")) found.value += early;
      early = null;
    });
  }
  // The map lies over the key image: showing it shows that too.
  function attention() {
    inDrawer((drawer) => {
      const map = $("attention");
      if (!map) return tell(drawer.dataset.noMap);
      map.open = !(map.open && $("key-image").open);
      $("key-image").open = true;
    });
  }
  function toggle() {
    const row = current();
    if (row) row.getAttribute("aria-current") ? $("close")?.click() : press(row, "open");
  }
  function close() {
    const menu = document.querySelector(".menu[open]");
    if (menu) menu.removeAttribute("open");
    else if ($("close")) $("close").click();
    else drop();
  }
  function view() {
    inDrawer((drawer) => press(drawer, "viewer") || tell("No viewer is set up. An administrator adds one under web.viewers."));
  }
  function copy() {
    const number = current()?.querySelector("[data-copy]")?.dataset.copy;
    if (number) navigator.clipboard?.writeText(number).then(() => tell("Accession number copied."), () => tell("The browser did not let us copy."));
  }

  // --- the look, without losing one's place -------------------------------------------------------------------
  const root = document.documentElement;
  let looks = Promise.resolve(); // one after the other: each writes the whole cookie
  function look(name, value) {
    const body = new URLSearchParams({ [name]: value });
    const told = looks.then(() => fetch("/look", { method: "POST", body, headers: { "x-quietly": "1" } }));
    looks = told.then(() => htmx.trigger($("refresh"), "again"), () => tell("Could not remember that."));
  }
  const following = (all, now) => all[(all.indexOf(now) + 1) % all.length];
  function theme() {
    root.dataset.theme = following(["system", "dark", "light"], root.dataset.theme);
    look("theme", root.dataset.theme);
  }
  function density() {
    root.dataset.density = following(["compact", "usual", "roomy"], root.dataset.density);
    look("density", root.dataset.density);
  }
  function names() {
    const hidden = document.querySelector('#look input[value="private"]')?.hasAttribute("checked");
    look("names", hidden ? "open" : "private");
  }

  // --- digits: one alone is an opinion, several with Enter are an accession number (barcode readers type so) ----
  const DIGITS_MS = 300;
  let digits = "";
  let typing = 0;
  let judged; // the study in hand when the first digit went down
  function digit(key) {
    if (!digits) judged = hand();
    digits += key;
    clearTimeout(typing);
    typing = setTimeout(() => {
      const one = digits.length === 1 && "123".includes(digits);
      const act = one ? drawerKey(`opinion${digits}`) : null;
      digits = "";
      if (act) inTurn(key, act, judged);
    }, DIGITS_MS);
  }
  function jump() {
    clearTimeout(typing);
    $("text").value = digits;
    digits = "";
    htmx.trigger($("find"), "submit");
  }

  const acts = {
    j: () => step(1), ArrowDown: () => step(1),
    k: () => step(-1), ArrowUp: () => step(-1),
    g: () => take(rows()[0]), G: () => take(rows().at(-1)),
    n: () => press(document.querySelector("header"), "n"),
    c: () => press(current(), "c"),
    r: () => press(current(), "r"),
    z: () => press($("message"), "z"),
    p: field("note", "p"),
    s: drawerKey("s"),
    x: field("lower-reason", "x"),
    m: field("note-text"),
    l: field("first-label"),
    v: drawerKey("picture"),
    h: attention,
    o: view,
    y: copy,
    d: theme, t: density, K: names,
    f: () => $("modality")?.focus(),
    "/": () => $("text")?.focus(),
    ".": () => triageHold.bring(),
    "?": () => $("help").showModal(),
    " ": toggle, ArrowRight: () => open() || toggle(),
    Enter: () => (document.querySelector('#drawer [data-key="viewer"]') ? view() : toggle()),
    Escape: close, ArrowLeft: () => $("close")?.click(),
  };
  // A reader's own keys: by the key that is pressed, the usual key of what it does. Read at each key, from what is on the
  // page: its hints follow a change made in another tab, and a key does what its hint says.
  const own = () => Object.entries(JSON.parse($("page")?.dataset.keys || "{}"));
  function usual(key) {
    const meant = own().find(([, chosen]) => chosen === key);
    return meant ? meant[0] : own().some(([kept]) => kept === key) ? "" : key;
  }
  function savedView(event) {
    const number = /^Digit([1-9])$/.exec(event.code)?.[1];
    if (!number) return;
    event.preventDefault();
    press($("views"), `view${number}`);
  }
  document.body.addEventListener("htmx:afterSettle", () => {
    const hint = document.querySelector("#next kbd"); // stands outside what is refreshed
    if (hint) hint.textContent = own().find(([kept]) => kept === "n")?.[1] ?? "n";
  });
  function typingIn(target) {
    return target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
  }
  document.addEventListener("keydown", (event) => {
    if (!$("keys-on").checked || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && event.ctrlKey && event.target.matches("textarea")) return event.target.form.querySelector("button").click();
    if (event.altKey && !event.ctrlKey && !event.metaKey) return savedView(event);
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (typingIn(event.target)) {
      if (event.key === "Escape") (current() ?? document.body).focus(), event.target.blur();
      return;
    }
    if (early !== null && (event.key.length === 1 || event.key === "Enter" || event.key === "Backspace")) {
      event.preventDefault();
      early = event.key === "Backspace" ? early.slice(0, -1) : early + (event.key === "Enter" ? "" : event.key);
      return;
    }
    if (/^\d$/.test(event.key)) return digit(event.key);
    if (event.key === "Enter" && digits.length > 2 && $("text")) return event.preventDefault(), jump();
    if ((event.key === " " || event.key === "Enter") && event.target.matches("a, button, summary, input")) return;
    const key = usual(event.key);
    const act = acts[key];
    if (!act) return;
    event.preventDefault();
    inTurn(key, act);
  });

  // What the palette chooses is done as if its key had been pressed.
  document.addEventListener("triage:key", (event) => inTurn(event.detail, acts[event.detail]));

  const KEYS = "triage-keys";
  $("keys-on").checked = localStorage.getItem(KEYS) !== "off";
  $("keys-on").addEventListener("change", (event) => localStorage.setItem(KEYS, event.target.checked ? "on" : "off"));
})();
