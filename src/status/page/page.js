"use strict";
// Keeps the page up to date: pieces of HTML come as server-sent events, times count on by themselves in between.

const $ = (id) => document.getElementById(id);
const rows = $("rows");
const visible = new Set();
let offset = Number(document.body.dataset.now) - Date.now();
const later = new Map();
let order = [...(rows?.children ?? [])];

// What the browser does not lay out because it is out of sight need not count on. A browser that does not tell of it has
// everything in sight.
const tells = "oncontentvisibilityautostatechange" in document.body;
rows?.addEventListener("contentvisibilityautostatechange", ({ target, skipped }) => {
  if (skipped) { visible.delete(target); } else { visible.add(target); count(target); }
});

/** A time in its two largest units, as the server writes it. */
function short(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  const two = (number) => String(number).padStart(2, "0");
  if (minutes === 0) return `${seconds}s`;
  if (hours === 0) return `${minutes}m ${two(seconds % 60)}s`;
  if (hours < 48) return `${hours}h ${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/** Changes a text only where it differs: that is what makes a page of thousands cheap. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Counts the times of one row on. */
function count(row) {
  const now = Date.now() + offset;
  const waited = row.querySelector(".waited");
  say(waited, short(now - Number(row.dataset.since)));
  const next = row.querySelector(".next");
  if (next) {
    next.ms ??= Date.parse(next.dateTime);
    say(next, next.ms - now >= 1000 ? `in ${short(next.ms - now)}` : "now");
  }
}

/** Shows moments by the reader's clock. */
function localise(root) {
  for (const time of root.querySelectorAll("time.at")) {
    const text = new Date(time.dateTime).toLocaleTimeString();
    say(time, text);
  }
}

/** Replaces what is in an element. */
function fill(element, html) {
  element.innerHTML = html;
  localise(element);
}

/** Puts a row where it belongs: oldest first. */
function place(row) {
  const since = Number(row.dataset.since);
  let at = order.length;
  while (at > 0 && Number(order[at - 1].dataset.since) > since) at -= 1;
  rows.insertBefore(row, order[at] ?? null);
  order.splice(at, 0, row);
}

/** Takes a row away. */
function remove(row) {
  visible.delete(row);
  row.remove();
}

/** Takes in the rows that have changed, and takes away those that are gone. */
function update({ changed, gone, places, all }) {
  const leaving = new Set(gone.map((id) => $(`c-${id}`)).filter(Boolean));
  if (all) {
    const there = new Set(all.map((id) => `c-${id}`));
    order.filter((row) => !there.has(row.id)).forEach((row) => leaving.add(row));
  }
  const template = document.createElement("template");
  for (const [id, version, html] of changed) {
    const old = $(`c-${id}`);
    if (old?.dataset.v === version) continue;
    template.innerHTML = html;
    const row = template.content.firstElementChild;
    localise(row);
    if (old && old.dataset.since === row.dataset.since) {
      order[order.indexOf(old)] = row;
      rows.replaceChild(row, old);
      remove(old);
      row.classList.add("changed");
    } else {
      if (old) leaving.add(old);
      if (old) order.splice(order.indexOf(old), 1);
      if (old) remove(old);
      place(row);
    }
  }
  if (leaving.size > 0) {
    order = order.filter((row) => !leaving.has(row));
    leaving.forEach(remove);
  }
  for (const [id, number] of places) {
    const row = $(`c-${id}`);
    if (row) say(row.firstElementChild, String(number));
  }
}

/** Listens for news; comes back by itself when the daemon is started anew. */
function listen() {
  const source = new EventSource(`/events${location.search}`);
  source.onmessage = ({ data }) => {
    const news = JSON.parse(data);
    offset = news.now - Date.now();
    for (const [id, html] of Object.entries(news.pieces)) {
      // What somebody is choosing from does not change under their hands.
      const element = $(id);
      if (!element) continue;
      if (element.contains(document.activeElement)) later.set(id, html); else fill(element, html);
    }
    update(news);
    $("how").classList.remove("lost");
    say($("live").querySelector("time"), new Date(news.now).toLocaleTimeString());
    say($("how"), "Updated as it happens.");
  };
  source.onerror = () => {
    $("how").classList.add("lost");
    say($("how"), "No connection to the daemon: trying again.");
    // A browser gives up where it was refused; we do not.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}

localise(document);
$("queue")?.addEventListener("change", () => $("queue").form.requestSubmit());
document.addEventListener("focusout", ({ target, relatedTarget }) => {
  for (const [id, html] of later) {
    const element = $(id);
    if (!element.contains(target) || element.contains(relatedTarget)) continue;
    later.delete(id);
    fill(element, html);
  }
});
setInterval(() => (tells ? visible : order).forEach(count), 1000);
listen();
