// What the page adds to htmx: a roving focus that follows its study, waits that go on counting, and a
// connection that says when it is lost. The page works without any of it.
"use strict";
const triagePage = (() => {
  const QUIET_MS = 25000; // the feed speaks every 10 s
  const GIVE_UP_MS = 120000;
  const SKELETON_MS = 300;
  const SLOW_MS = 3000;
  const VERY_SLOW_MS = 10000;
  const RENEW_MS = 300000;
  const $ = (id) => document.getElementById(id);
  const rows = () => [...document.querySelectorAll("#rows > tr")];
  document.documentElement.classList.add("scripted");

  // --- the connection -------------------------------------------------------------------------------------
  let heard = Date.now();
  let lostSince = null;
  let silent = false; // whether nothing but silence made it lost
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
    silent = false;
    noRoom = "";
    show();
  }
  function lost() {
    lostSince = lostSince || Date.now();
    show();
  }
  function told() {
    silent = false;
    lost();
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
    source.addEventListener("stale", told);
  });
  // "alive" tells of the line to the server: it ends a silence; only "resync" ends what "stale" began.
  function stay() {
    heard = Date.now();
    if (!silent) return;
    live();
    htmx.trigger($("refresh"), "again"); // what was told meanwhile may not have come
  }
  document.body.addEventListener("htmx:sseError", (event) => {
    told();
    const { source } = event.detail;
    if (source?.readyState === EventSource.CLOSED || source?.refused) refused();
  });
  setInterval(() => {
    if (Date.now() - heard > QUIET_MS) {
      silent ||= lostSince === null;
      lost();
    }
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
  let newest = 0; // when the list that is shown was read from the database
  // At once, not when all has settled: with the focus nowhere the next refresh would take the list for idle, and
  // of two answers close together the second would not be measured by the first.
  function swapped(event) {
    const held = rove();
    // A button that an act replaced, or a row that left, leaves the focus nowhere: give it to the row that is there now.
    if (document.activeElement === document.body && inRows && held) take(held);
    inRows = false;
    if (event.target !== $("page")) return;
    const read = Number($("page").dataset.now);
    // An act's answer can be overtaken by a refresh that read later: then what is shown is old, so read again.
    if (read < newest) htmx.trigger($("refresh"), "again");
    newest = read; // not the larger: after the database's clock was set back the page would ask without end
  }
  document.body.addEventListener("htmx:afterSwap", swapped);
  function settled() {
    const page = $("page");
    behind = Math.max(behind, Number(page.dataset.now) - Date.now() / 1000);
    const urgent = Number(page.dataset.urgent);
    document.title = urgent ? `(${urgent}) Spine triage` : "Spine triage";
    if (lostSince) show();
    triageHold.applied();
  }
  document.body.addEventListener("htmx:afterSettle", settled);

  // Between a swap and its settling htmx has not bound the new list. What is pressed then is bound here, before the
  // press reaches it: the browser would send the form itself, and load the page anew.
  document.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element && event.target.closest("#page :is(a, button), #message button");
    if (pressed) htmx.process(pressed.form ?? pressed);
  }, true);

  // An opinion, a note or a label moves nothing: its row stays where it stands on the screen.
  const actedOn = (path) => /^\/studies\/(\d+)\/(?!opinion|notes|labels)/.exec(path)?.[1];
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const detail = event.detail;
    if (!detail.shouldSwap || detail.target.id !== "page") return;
    const path = detail.pathInfo.requestPath;
    inRows = Boolean(document.activeElement?.closest("#rows"));
    if (path === "/list" && document.querySelector("#worklist.loading")) return void (detail.shouldSwap = false);
    if (path === "/list" && (overtaken(detail) || readAt(detail.serverResponse) < newest)) {
      detail.shouldSwap = false;
      newest = 0;
      htmx.trigger($("refresh"), "again");
      return;
    }
    // What somebody is typing is theirs: a refresh must not put the old text back. Only then, because the same
    // switch would keep a focused row from being refreshed.
    Idiomorph.defaults.ignoreActiveValue = document.activeElement?.matches("input, textarea") ?? false;
    const posted = detail.requestConfig.verb === "post";
    if (detail.xhr.status === 200) noted(path, detail.requestConfig.parameters);
    if (path === "/next") hand = /name="study" value="(\d+)"/.exec(detail.serverResponse)?.[1] ?? hand;
    detail.serverResponse = triageHold.merge(detail.serverResponse, posted ? actedOn(path) : undefined);
  });
  // A note that was kept stands above its box now; what was typed since, or for another study, does not.
  function noted(path, sent) {
    const study = /^\/studies\/(\d+)\/notes$/.exec(path)?.[1];
    const box = $("note-text");
    if (study && box && study === $("drawer").dataset.study && box.value === sent[box.name]) box.value = "";
  }
  const readAt = (html) => Number(/data-now="([\d.]+)"/.exec(html)?.[1]);
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
  let asking = null; // what asked, when asking again does no harm
  const NO_ANSWER = "The list does not answer. Use your PACS list if this lasts.";
  function quick() {
    for (const timer of slow) clearTimeout(timer);
    slow = [];
    $("slow").hidden = true;
    const loading = document.querySelector("#worklist.loading");
    if (!loading) return;
    loading.classList.remove("loading");
    loading.querySelector(".skeleton").remove();
    htmx.trigger($("refresh"), "again"); // refreshes were turned away meanwhile
  }
  function late(words, stuck = false) {
    $("slow").hidden = false;
    $("slow").classList.toggle("card", stuck);
    say($("slow-words"), words);
    $("retry").hidden = !stuck || !asking;
  }
  // Another list is on its way: the old rows must not pass for it.
  function skeleton(tab) {
    const list = $("worklist");
    if (!list || list.classList.contains("loading")) return;
    document.querySelector("nav [aria-current]")?.removeAttribute("aria-current");
    tab.setAttribute("aria-current", "page");
    list.classList.add("loading");
    list.append($("skeleton").content.cloneNode(true));
  }
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    if (elt.id === "refresh") return;
    quick();
    asking = requestConfig.verb === "get" || elt.id === "find" ? elt : null;
    const stuck = asking ? NO_ANSWER : "No answer yet. Look at the row before you do it again.";
    slow = [setTimeout(late, SLOW_MS, "Still loading…"), setTimeout(late, VERY_SLOW_MS, stuck, true)];
    if (elt.closest("nav")) slow.push(setTimeout(skeleton, SKELETON_MS, elt));
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.id !== "refresh") quick();
  });
  $("retry").addEventListener("click", () => {
    const again = asking;
    htmx.trigger(again, "htmx:abort");
    if (again.matches("form")) htmx.trigger(again, "submit");
    else again.click();
  });
  for (const kind of ["htmx:responseError", "htmx:sendError"]) {
    document.body.addEventListener(kind, (event) => {
      if (event.detail.elt.id === "refresh") return;
      if (!asking) return tellWithReference("✕ Could not save. Look at the row before you try again.", event.detail.xhr);
      // After what follows every answer has cleared the last one's.
      const reference = referenceOf(event.detail.xhr);
      setTimeout(late, 0, reference ? `${NO_ANSWER} Ref ${reference}` : NO_ANSWER, true);
    });
  }

  // The number under which the server's log knows the error, for whoever asks an administrator.
  const referenceOf = (xhr) => (xhr?.status === 500 && xhr.getResponseHeader("x-request-id")) || "";
  function tellWithReference(text, xhr) {
    const reference = referenceOf(xhr);
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
    // Not a sign that somebody is there: an empty chair's claim ends with its session's lock.
    const headers = { "hx-request": "true", "hx-trigger": "renewal" };
    fetch(address, { method: "POST", body: new URLSearchParams(body), headers }).catch(lost);
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
