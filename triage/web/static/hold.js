// Live changes never move a row under the reader's eyes. While the reader is at the list, a refreshed list is
// put into the order that stands on the screen: cells change in place, new rows and new places wait in the
// pending bar until "." brings them in or the reader is idle. What the reader did oneself shows at once.
"use strict";
const triageHold = (() => {
  const POINTER_MS = 2000;
  const SAY_MS = 10000;
  const $ = (id) => document.getElementById(id);
  const bringKey = () => JSON.parse($("page")?.dataset.keys || "{}")["."] ?? ".";
  const idsOf = (root) => [...root.querySelectorAll("#rows > tr")].map((row) => row.dataset.study);

  let moved = 0; // when the pointer last moved over the list
  let waiting = false; // something waits in the pending bar
  let bringing = false; // the reader asked to bring it in
  let said = 0;
  let tops = new Map(); // where each row stood before the list was replaced

  document.addEventListener("pointermove", (event) => {
    if (event.target instanceof Element && event.target.closest("#rows")) moved = Date.now();
  });

  const focusedRow = () => document.activeElement?.closest("#rows > tr");

  function holding() {
    if (focusedRow() || $("drawer") || document.querySelector("dialog[open], .menu[open]")) return true;
    // While an act can be undone, the list stays as the reader left it: the undo must lead back to it.
    if (document.querySelector('#message [data-key="z"]')) return true;
    if (Date.now() - moved < POINTER_MS && document.querySelector("#rows:hover")) return true;
    return window.scrollY > 0 || !(document.getSelection()?.isCollapsed ?? true);
  }

  const place = (page) => {
    const where = new FormData(page.querySelector("#where"));
    return `${where.get("tab")} ${where.get("q") ?? ""}`;
  };

  // --- what a reader has opened or typed stays -------------------------------------------------------------
  function keepOpen(fresh, own) {
    const here = $("drawer")?.dataset.study;
    const same = here !== undefined && here === fresh.querySelector("#drawer")?.dataset.study;
    for (const open of document.querySelectorAll("#page details[open][id]")) {
      if (open.closest("#drawer") && !same) continue;
      for (const box of open.querySelectorAll("[type=checkbox], [type=radio]")) box.toggleAttribute("checked", box.checked);
      for (const typed of open.querySelectorAll("input:not([type])")) typed.setAttribute("value", typed.value);
      for (const one of open.querySelectorAll("option")) one.toggleAttribute("selected", one.selected);
      const there = fresh.querySelector(`#${open.id}`);
      if (!there) continue;
      if (there.querySelector("img")?.getAttribute("src") !== open.querySelector("img")?.getAttribute("src")) {
        there.setAttribute("open", ""); // the picture of another answer: open, but the fresh one
        continue;
      }
      const kept = fresh.ownerDocument.importNode(open, true);
      // What one's own act answered says how the study stands now: the open form acts on that from here on.
      const version = own !== undefined && own === here && there.querySelector("button[name=version]")?.value;
      if (version) kept.querySelector("button[name=version]")?.setAttribute("value", version);
      there.replaceWith(kept);
    }
    if (!same) return;
    for (const typed of document.querySelectorAll("#drawer :is(input[type=text], input:not([type]), textarea)[id]")) {
      const there = typed.value ? fresh.querySelector(`#${typed.id}`) : null;
      if (there?.matches("textarea")) there.textContent = typed.value;
      else if (there) there.setAttribute("value", typed.value);
    }
  }

  // --- the order on the screen, with the cells of the new list -----------------------------------------------
  function ghost(id, doc) {
    const row = doc.importNode($(`s${id}`), true);
    row.classList.add("left");
    const last = row.querySelector("td.claim") ?? row.lastElementChild;
    last.textContent = "no longer on this list";
    return row;
  }

  function heldOrder(before, after, own) {
    const order = before.filter((id) => id !== own);
    if (own && after.includes(own)) {
      let at = after.indexOf(own) - 1;
      while (at >= 0 && !order.includes(after[at])) at -= 1;
      order.splice(at < 0 ? 0 : order.indexOf(after[at]) + 1, 0, own);
    }
    return order;
  }

  function counted(before, after, fresh) {
    const known = new Set(before);
    const arrived = after.filter((id) => !known.has(id));
    const hand = focusedRow()?.dataset.study ?? $("drawer")?.dataset.study;
    const above = hand === undefined || !known.has(hand) ? new Set() : new Set(before.slice(0, before.indexOf(hand)));
    const rose = hand !== undefined && after.includes(hand)
      ? after.slice(0, after.indexOf(hand)).filter((id) => known.has(id) && !above.has(id))
      : after.filter((id, at) => known.has(id) && after.slice(at + 1).some((later) => known.has(later) && before.indexOf(later) < before.indexOf(id)));
    const sank = before.filter((id) => after.includes(id)).join() !== after.filter((id) => known.has(id)).join();
    return { arrived, rose, sank, where: hand === undefined ? "moved up" : "moved above you", bands: bandsOf(arrived, fresh) };
  }

  function bandsOf(ids, fresh) {
    const count = {};
    for (const id of ids) {
      const word = fresh.querySelector(`#s${id}`).dataset.band;
      if (word !== "Routine") count[word] = (count[word] ?? 0) + 1;
    }
    const words = Object.entries(count).map(([word, number]) => `${number} ${word}`);
    return words.length ? ` (${words.join(", ")})` : "";
  }

  function sentence(found, gone) {
    const parts = [];
    if (found.arrived.length) parts.push(`${found.arrived.length} new${found.bands}`);
    if (found.rose.length) parts.push(`${found.rose.length} ${found.where}`);
    else if (found.sank) parts.push("the order changed");
    if (gone) parts.push(`${gone} left this list`);
    return parts.join(", ");
  }

  function show(fresh, words) {
    waiting = words !== "";
    const bar = fresh.querySelector("#pending");
    if (!waiting || !bar) return;
    bar.hidden = false;
    const doc = fresh.ownerDocument;
    const text = doc.createElement("span");
    text.textContent = `▲ ${words}`;
    const button = doc.createElement("button");
    button.type = "button";
    button.id = "bring-in";
    button.textContent = `Bring in ( ${bringKey()} )`;
    bar.replaceChildren(text, button);
    if (Date.now() - said > SAY_MS) {
      said = Date.now();
      $("announce").textContent = `${words}. Press ${bringKey() === "." ? "full stop" : bringKey()} to bring in.`;
    }
  }

  function arrange(fresh, own) {
    const before = idsOf(document);
    const after = idsOf(fresh);
    const order = heldOrder(before, after, own);
    const body = fresh.querySelector("#rows");
    const found = counted(order, after, fresh);
    const rows = order.map((id) => fresh.querySelector(`#s${id}`) ?? ghost(id, fresh.ownerDocument));
    show(fresh, sentence(found, order.filter((id) => !after.includes(id)).length));
    body.replaceChildren(...rows);
  }

  // `html` is an answer that would replace the list; `own` is the study the reader acted on, if any.
  function merge(html, own) {
    const doc = new DOMParser().parseFromString(html, "text/html");
    const fresh = doc.getElementById("page");
    if (!fresh) return html;
    keepOpen(fresh, own);
    const comparable = fresh.querySelector("#rows") && document.querySelector("#rows") && place(fresh) === place($("page"));
    if (comparable && holding() && !bringing) arrange(fresh, own);
    else applying();
    return doc.body.innerHTML;
  }

  function applying() {
    waiting = bringing = false;
    tops = new Map();
    for (const row of document.querySelectorAll("#rows > tr")) tops.set(row.id, row.getBoundingClientRect().top);
  }

  // The row in hand keeps its height on the screen; the others are seen to move, unless the reader wants no motion.
  function applied() {
    const hand = focusedRow();
    if (hand && tops.has(hand.id) && window.scrollY > 0) window.scrollBy(0, hand.getBoundingClientRect().top - tops.get(hand.id));
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return void (tops = new Map());
    for (const [id, top] of tops) {
      const by = top - ($(id)?.getBoundingClientRect().top ?? top);
      if (by) $(id).animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], 150);
    }
    tops = new Map();
  }

  function bring() {
    bringing = true;
    htmx.trigger($("refresh"), "again");
  }
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("#bring-in")) bring();
  });
  setInterval(() => {
    if (waiting && !holding()) bring();
  }, 1000);

  return { merge, applied, bring };
})();
