// The one live feed of this browser, for all of its tabs: over HTTP/1.1 a browser opens six connections to a host
// and a seventh feed would hold up the whole site. It passes on kinds of events alone; each tab asks for its list
// itself, so that what a tab may see is decided anew.
"use strict";
const FIRST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 15000;
const QUIET_MS = 25000; // the feed speaks every 10 s
const LOOK_MS = 5000;
const KINDS = ["change", "stale", "resync", "alive"];
const tabs = new Set();
let source = null;
let pause = FIRST_PAUSE_MS;
let again = 0;
let heard = 0; // when the feed last spoke
let standing = null; // whether the feed was last "stale" or "resync": a tab that comes later must know

function tell(kind) {
  for (const tab of tabs) tab.postMessage(kind);
}
function open() {
  clearTimeout(again);
  heard = Date.now();
  source = new EventSource("/feed");
  source.onopen = () => {
    heard = Date.now();
    pause = FIRST_PAUSE_MS;
    tell("open");
  };
  source.onerror = () => {
    standing = null;
    const refused = source.readyState === EventSource.CLOSED;
    tell(refused ? "refused" : "error");
    if (!refused) return; // the browser tries again by itself
    again = setTimeout(open, pause);
    pause = Math.min(pause * 2, MOST_PAUSE_MS);
  };
  for (const kind of KINDS) {
    source.addEventListener(kind, () => {
      heard = Date.now();
      if (kind === "stale" || kind === "resync") standing = kind;
      tell(kind);
    });
  }
}
// A line that a router forgot ends without a word: the browser waits on it for ever and never tries again.
function renew() {
  if (!source || source.readyState === EventSource.CLOSED || Date.now() - heard <= QUIET_MS) return;
  source.close();
  standing = null;
  tell("error");
  open();
}
setInterval(renew, LOOK_MS);

onconnect = ({ ports: [tab] }) => {
  tab.onmessage = ({ data }) => {
    if (data === "bye") return void tabs.delete(tab);
    renew();
    tabs.add(tab);
    // A tab that is new may have signed in just now: what was refused before is asked again at once.
    if (!source || source.readyState === EventSource.CLOSED) open();
    else if (source.readyState === EventSource.OPEN) {
      tab.postMessage("open");
      if (standing) tab.postMessage(standing);
    } else tab.postMessage("error");
  };
};
