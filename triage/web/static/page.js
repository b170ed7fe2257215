// What the page adds to htmx: a roving focus that follows its study, waits that go on counting, and a
// connection that says when it is lost. The page works without any of it.
"use strict";
const triagePage = (() => {
  const QUIET_MS = 25000; // the feed speaks every 10 s
  const GIVE_UP_MS = 120000;
  const SLOW_MS = 3000;
  const VERY_SLOW_MS = 10000;
  const RENEW_MS = 300000;
  const $ = (id) => document.getElementById(id);
  const rows = () => [...document.querySelectorAll("#rows > tr")];
  document.documentElement.classList.add("scripted");

  // --- the connection -------------------------------------------------------------------------------------
  let heard = Date.now();
  let lostSince = null;
  let noRoom = ""; // why the server has no feed for this page, while it answers everything else

  function clockOf(ms) {
    return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  }
  function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  function live() {
    heard = Date.now();
    lostSince = null;
    noRoom = "";
    show();
  }
  function lost() {
    lostSince = lostSince || Date.now();
    show();
  }
  // A refused feed: EventSource does not say with what, so ask whether there is room.
  const FULL = {
    reader: "You have as many live pages open as one reader may: close one.",
    all: "As many live pages are open as this site allows.",
  };
  async function refused() {
    const answer = await fetch("/feed", { method: "HEAD", credentials: "same-origin" }).catch(() => null);
    if (answer?.status === 401) location.reload();
    noRoom = FULL[answer?.headers.get("x-no-room")] ?? "";
    if (lostSince) show();
  }
  function show() {
    const [shape, words] = $("live").children;
    const gone = lostSince !== null && !noRoom && Date.now() - lostSince > GIVE_UP_MS;
    $("live").className = lostSince ? "live bad" : "live good";
    say(shape, gone ? "✕" : lostSince ? "◷" : "●");
    say(words, lostSince ? `Stale since ${clockOf(lostSince)}` : "Live");
    $("lost").hidden = !lostSince;
    $("lost").classList.toggle("gone", gone);
    document.body.classList.toggle("lost", Boolean(lostSince));
    document.body.classList.toggle("gone", gone);
    for (const button of document.querySelectorAll("#where button, #drawer button, #next button")) button.disabled = gone;
    if (!lostSince) return;
    say($("lost").firstElementChild, gone ? "✕" : "◷");
    say($("lost-words"), gone
      ? "Not connected. Use your PACS list."
      : noRoom
        ? `No live updates since ${clockOf(lostSince)}. ${noRoom} The list is asked for every 30 seconds; trying again.`
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
  document.body.addEventListener("htmx:sseError", (event) => {
    lost();
    if (event.detail.source?.readyState === EventSource.CLOSED) refused();
  });
  setInterval(() => {
    if (Date.now() - heard > QUIET_MS) lost();
    if (lostSince) show();
  }, 1000);

  // --- waits and dues ---------------------------------------------------------------------------------------
  let behind = -Infinity; // server clock minus ours in seconds: the answer that travelled fastest knows best
  const hours = (minutes) => `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
  function wait() {
    const now = Date.now() / 1000 + behind;
    for (const time of document.querySelectorAll("time[data-since]")) {
      say(time, hours(Math.max(0, Math.floor((now - time.dataset.since) / 60))));
    }
    for (const time of document.querySelectorAll("time[data-due]")) {
      const left = time.dataset.due - now;
      time.classList.toggle("over", left < 0);
      say(time, left < 0 ? `◷ +${hours(Math.floor(-left / 60))}` : `${Math.floor(left / 60)}m`);
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
  const current = () => rows().find((row) => row.dataset.study === hand);
  document.body.addEventListener("focusin", (event) => {
    const row = event.target.closest("#rows > tr");
    if (row && row.dataset.study !== hand) {
      hand = row.dataset.study;
      rove();
    }
  });

  let inRows = false; // whether the focus was in the list before it was replaced
  let newest = 0; // when the newest list that was ever shown was read from the database
  function settled() {
    const page = $("page");
    const read = Number(page.dataset.now);
    behind = Math.max(behind, read - Date.now() / 1000);
    // An act's answer can be overtaken by a refresh that read later: then what is shown is old, so read again.
    if (read < newest) htmx.trigger($("refresh"), "again");
    newest = Math.max(newest, read);
    const urgent = Number(page.dataset.urgent);
    document.title = urgent ? `(${urgent}) Spine triage` : "Spine triage";
    if (lostSince) show();
    triageHold.applied();
  }
  document.body.addEventListener("htmx:afterSettle", settled);
  // At once, not when all has settled: with the focus nowhere the next refresh would take the list for idle.
  function refocus() {
    const held = rove();
    // A button that an act replaced, or a row that left, leaves the focus nowhere: give it to the row that is there now.
    if (document.activeElement === document.body && inRows && held) take(held);
    inRows = false;
  }
  document.body.addEventListener("htmx:afterSwap", refocus);

  const actedOn = (path) => /^\/studies\/(\d+)\//.exec(path)?.[1];
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const detail = event.detail;
    if (!detail.shouldSwap || detail.target.id !== "page") return;
    const path = detail.pathInfo.requestPath;
    inRows = Boolean(document.activeElement?.closest("#rows"));
    if (path === "/list" && overtaken(detail)) {
      detail.shouldSwap = false;
      htmx.trigger($("refresh"), "again");
      return;
    }
    // What somebody is typing is theirs: a refresh must not put the old text back. Only then, because the same
    // switch would keep a focused row from being refreshed.
    Idiomorph.defaults.ignoreActiveValue = document.activeElement?.matches("input, textarea") ?? false;
    const posted = detail.requestConfig.verb === "post";
    if (path === "/next") hand = /name="study" value="(\d+)"/.exec(detail.serverResponse)?.[1] ?? hand;
    detail.serverResponse = triageHold.merge(detail.serverResponse, posted ? actedOn(path) : undefined);
  });
  // A refresh asked for before the reader opened something else must not close it again: ask anew.
  function overtaken(detail) {
    const asked = new URLSearchParams(detail.pathInfo.finalRequestPath.split("?")[1]);
    const here = new FormData($("where"));
    return ["tab", "study", "q"].some((name) => asked.get(name) !== here.get(name));
  }

  // --- what an act said stays ten seconds, with its undo -------------------------------------------------------
  const MESSAGE_MS = 10000;
  let wiping = 0;
  function wipe() {
    const message = $("message");
    message.className = "";
    message.replaceChildren();
  }
  function tell(text) {
    const message = $("message");
    message.className = "notice trouble";
    message.textContent = text;
    clearTimeout(wiping);
    wiping = setTimeout(wipe, MESSAGE_MS);
  }
  document.body.addEventListener("htmx:oobAfterSwap", () => {
    clearTimeout(wiping);
    wiping = setTimeout(wipe, MESSAGE_MS);
  });

  // --- slow and failed requests of the reader; refreshes have the connection's own banner ----------------------
  let slow = [];
  function quick() {
    for (const timer of slow) clearTimeout(timer);
    slow = [];
    $("slow").hidden = true;
  }
  function late(text) {
    $("slow").hidden = false;
    say($("slow"), text);
  }
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.id === "refresh") return;
    quick();
    slow = [
      setTimeout(late, SLOW_MS, "Still loading…"),
      setTimeout(late, VERY_SLOW_MS, "The list does not answer. Reload the page, or use your PACS list."),
    ];
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.id !== "refresh") quick();
  });
  for (const kind of ["htmx:responseError", "htmx:sendError"]) {
    document.body.addEventListener(kind, (event) => {
      if (event.detail.elt.id === "refresh") return;
      const act = event.detail.requestConfig?.verb === "post";
      tellWithReference(act ? "✕ Could not save. Look at the row before you try again." : "✕ The list did not answer. Try again.", event.detail.xhr);
    });
  }

  // The number under which the server's log knows the error, for whoever asks an administrator.
  function tellWithReference(text, xhr) {
    const reference = xhr?.status === 500 && xhr.getResponseHeader("x-request-id");
    if (!reference) return tell(text);
    const said = `${text} Ref ${reference}`;
    tell(said);
    navigator.clipboard?.writeText(reference).then(() => tell(`${said} (copied)`), () => {});
  }

  // --- a claim is kept alive while its study is open here -------------------------------------------------------
  setInterval(() => {
    const release = document.querySelector('#drawer button[formaction$="/release"]');
    if (!release) return;
    const body = new FormData($("where"));
    body.set("version", release.value);
    const address = release.getAttribute("formaction").replace("/release", "/claim");
    fetch(address, { method: "POST", body: new URLSearchParams(body), headers: { "hx-request": "true" } }).catch(lost);
  }, RENEW_MS);

  document.addEventListener("click", (event) => {
    // A link that changes more than the list loads the whole page.
    const link = event.target instanceof Element && event.target.closest("a[data-whole]");
    if (!link) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    location.assign(link.href);
  }, true);

  rove();
  settled();
  return { rows, take, step, current, tell, drop: () => document.activeElement?.blur(), hand: () => hand };
})();
