// Keeps a page of kboot fresh: asks for its main part when something happened and every few seconds, and changes
// only what is another: selection, scroll and focus stay. Without it every page is whole, as it was when it came.

const EVERY_MS = 3000, LOST_MS = 7000, LEAST_GAP_MS = 700, PATIENCE_MS = 4000;
const main = document.getElementById("main");
const lost = document.getElementById("lost");
const news = document.getElementById("news");

let etag = main.dataset.etag, heardAt = Date.now(), timer = 0, source = null, asking = null, gap = LEAST_GAP_MS;

// --- Only what changed -------------------------------------------------------------------------------------------

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE && node.id) || null;
const TYPED = "input:not([type=hidden]), select, textarea";
const isAlike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function takeAttributes(old, fresh) {
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (old.matches("time, details, code.command")) return; // these have some of the reader's or of `dress`
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
}

function become(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.dataset.shown && old.nodeName === "TIME" && old.dateTime === fresh.dateTime) return;
  if (old.dataset.kept && old.dataset.kept === fresh.dataset.kept) return; // thousands of boxes: not sent again
  if (old.isEqualNode(fresh) || (old.nodeName === "FORM" && old.querySelector(TYPED))) return; // what is typed stays
  takeAttributes(old, fresh);
  takeChildren(old, fresh);
}

function takeChildren(old, fresh) {
  const wanted = [...fresh.childNodes], isHeld = isSelecting && holdsSelection(old);
  const byKey = new Map();
  for (const node of old.childNodes) if (keyOf(node)) byKey.set(keyOf(node), node);
  const freshKeys = new Set(wanted.map(keyOf).filter(Boolean));
  let at = old.firstChild;
  for (const next of wanted) {
    const key = keyOf(next);
    let match = key ? byKey.get(key) : null;
    if (!key) {
      while (at && keyOf(at) && !freshKeys.has(keyOf(at))) at = drop(at);
      if (at && isAlike(at, next)) match = at;
    }
    if (match) {
      become(match, next);
      if (match === at) at = at.nextSibling;
      else if (!isHeld) move(old, match, at); // what is selected is not moved from under the reader
    } else old.insertBefore(next, at);
  }
  const left = new Set(wanted.map(keyOf).filter(Boolean));
  if (!isHeld) for (const node of [...old.childNodes]) if (keyOf(node) && !left.has(keyOf(node))) node.remove();
  while (at) at = keyOf(at) ? at.nextSibling : drop(at);
}

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function move(parent, node, before) {
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  if (parent.moveBefore) parent.moveBefore(node, before);
  else parent.insertBefore(node, before);
  if (focused && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

function hasSelection() {
  const selection = document.getSelection();
  return selection && !selection.isCollapsed;
}

function holdsSelection(element) {
  return hasSelection() && document.getSelection().containsNode(element, true);
}

let isSelecting = false; // before anything changes: a browser that is asked meanwhile lays the page out for its answer

// --- Asking ------------------------------------------------------------------------------------------------------

async function refresh() {
  if (asking) asking.abort();
  const mine = (asking = new AbortController());
  const giveUp = setTimeout(() => mine.abort(), PATIENCE_MS), begin = performance.now();
  let next = EVERY_MS;
  try {
    const headers = { "X-Kboot-Main": document.getElementById("racks")?.dataset.kept ?? "1", ...(etag ? { "If-None-Match": etag } : {}) };
    const answer = await fetch(location.href, { headers, cache: "no-store", signal: mine.signal });
    if (answer.status >= 500) throw new Error(`${answer.status}`);
    heard(answer.status === 404); // also by a refusal, of a look that no page can show
    if (answer.ok) {
      const fresh = document.createElement("main");
      const whole = new DOMParser().parseFromString(`<main>${await answer.text()}</main>`, "text/html");
      fresh.append(...whole.querySelector("main").childNodes);
      if (mine !== asking) return;
      if (!etag) next = 0; // another look is answered at once, by machines as they were some seconds ago
      etag = answer.headers.get("ETag");
      isSelecting = hasSelection();
      takeChildren(main, fresh);
      dress();
    }
  } catch {
    /* the server restarts, or is away: the next turn asks again, and `lost` says so in time */
  } finally {
    clearTimeout(giveUp);
    if (mine === asking) {
      asking = null;
      gap = Math.min(Math.max(LEAST_GAP_MS, 5 * (performance.now() - begin)), EVERY_MS); // a busy server: less often
      later(next);
    }
  }
}

function later(inMs) {
  clearTimeout(timer);
  timer = setTimeout(refresh, Math.max(inMs, gap));
}

let soonAt = 0;
function soon() {
  const now = Date.now();
  if (asking || now < soonAt) return;
  soonAt = now + gap;
  later(0);
}

const GONE = "This machine is no longer known, taken out of the description or forgotten: what stands here is old.";
let isGone = false;

function heard(isGoneNow) {
  const wasGone = isGone;
  heardAt = Date.now();
  isGone = isGoneNow;
  if (isGone !== wasGone) for (const button of main.querySelectorAll("form.act button")) button.disabled = isGone;
  if (isGone) alarm(GONE);
  else if (!lost.hidden) {
    lost.hidden = true;
    news.textContent = wasGone ? "This machine is known again." : "The server answers again.";
  }
}

function alarm(text) {
  if (!lost.hidden && lost.textContent === text) return; // what stands there is not read out again
  lost.textContent = text;
  lost.hidden = false;
}

setInterval(() => {
  if (!document.hidden && Date.now() - heardAt > LOST_MS && lost.hidden) {
    const since = new Date(heardAt).toLocaleTimeString();
    alarm(`No word from the server since ${since}: what stands here is old.`);
  }
}, 1000);

// --- What happens ------------------------------------------------------------------------------------------------

const TOLD = { failed: "failed", ready: "is ready", silent: "does not answer", "state-lost": "the state was lost" };

function listen() {
  source?.close();
  source = new EventSource("/v1/events?after=" + newest);
  source.onmessage = note;
  for (const kind of KINDS) source.addEventListener(kind, note);
}

let newest = document.documentElement.dataset.newest; // what was before stands in the page
const KINDS = (document.documentElement.dataset.kinds ?? "").split(" ").filter(Boolean);

function note(message) {
  newest = message.lastEventId || newest;
  soon();
  const { kind, mac, detail, reason } = JSON.parse(message.data);
  if (!TOLD[kind]) return;
  const name = document.getElementById(mac)?.querySelector("a")?.textContent ?? mac ?? "";
  news.textContent = [name, TOLD[kind], detail ?? reason ?? ""].filter(Boolean).join(" ");
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    clearTimeout(timer);
    source?.close();
  } else {
    heardAt = Date.now();
    listen();
    refresh();
  }
});

// --- The address is what is looked for ----------------------------------------------------------------------------

function go(address, isNew) {
  history[isNew ? "pushState" : "replaceState"](null, "", address);
  etag = "";
  return refresh();
}

function addressOf(form) {
  const asked = new URLSearchParams(location.search);
  const isOfForm = new Set([...form.elements].map((each) => each.name));
  const pairs = [...asked].filter(([name]) => !isOfForm.has(name) && name !== "shown");
  for (const [name, value] of new FormData(form)) if (value && value !== "none" && value !== "worst") pairs.push([name, value]);
  const query = new URLSearchParams(pairs).toString();
  return form.action.replace(location.origin, "") + (query ? `?${query}` : "");
}

document.addEventListener("input", ({ target }) => {
  if (target.form?.id === "look") go(addressOf(target.form), target.nodeName === "SELECT");
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "look") return;
  event.preventDefault();
  go(addressOf(event.target), true);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("main a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const to = new URL(link.getAttribute("href"), location.href);
  if (to.origin !== location.origin || to.pathname !== location.pathname) return;
  event.preventDefault();
  go(to.pathname + to.search, link.id !== "more").then(fillForm);
});
addEventListener("popstate", () => {
  etag = "";
  refresh().then(fillForm);
});

function fillForm() {
  const asked = new URLSearchParams(location.search);
  for (const field of document.getElementById("look")?.elements ?? []) {
    if (!field.name) continue;
    if (field.nodeName === "SELECT") field.value = asked.get(field.name) ?? field.options[0].value;
    else field.value = asked.get(field.name) ?? "";
  }
}

// --- Times, commands, more rows -----------------------------------------------------------------------------------

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }); // making one takes longer than all else
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function words(seconds) {
  for (const [at, [unit, size]] of UNITS.entries()) {
    if (seconds < size && size > 1) continue;
    const rest = UNITS[at + 1], more = rest && size > 60 ? Math.floor((seconds % size) / rest[1]) : 0;
    return `${Math.floor(seconds / size)} ${unit}${more ? ` ${more} ${rest[0]}` : ""}`;
  }
  return "0 s";
}

function tell(element) {
  const at = new Date(element.dateTime), ago = Math.max(0, (Date.now() - at) / 1000);
  const isToday = at.toDateString() === new Date().toDateString(), isFuture = at - Date.now() > 60000;
  const asClock = element.matches(".clock") && isToday;
  const text = asClock ? CLOCK.format(at) : isFuture || element.matches(".clock") ? DATE.format(at) : ago < 5 ? "now" : `${words(ago)} ago`;
  if (element.firstChild?.nodeValue !== text) element.textContent = text;
  element.dataset.shown = "1";
}

function tellLeft(element) {
  const percent = Number(element.dataset.percent), spent = (Date.now() - new Date(element.dataset.since)) / 1000;
  if (percent > 2 && percent < 100) element.textContent = `about ${words((spent * (100 - percent)) / percent)} left`;
}

function dress() {
  for (const element of document.querySelectorAll("time")) tell(element);
  for (const element of main.querySelectorAll(".left")) tellLeft(element);
  for (const code of main.querySelectorAll("code.command:not([tabindex])")) {
    code.tabIndex = 0;
    code.setAttribute("role", "button");
    code.title = "Copy";
  }
  const more = document.getElementById("more");
  if (more) sight.observe(more);
}

function copy(code) {
  const range = document.createRange(), selection = document.getSelection();
  range.selectNodeContents(code);
  selection.removeAllRanges();
  selection.addRange(range);
  if (document.execCommand("copy")) news.textContent = "Copied."; // the clipboard itself is for HTTPS alone
}

document.addEventListener("click", ({ target }) => {
  if (target.matches?.("code.command")) copy(target);
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches?.("code.command") && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    copy(event.target);
  }
  if (event.key === "/" && !event.target.matches?.("input, select, textarea")) {
    event.preventDefault();
    document.querySelector("#look input")?.focus();
  }
});
document.addEventListener("pointerover", ({ target }) => {
  if (target.nodeName === "TIME") target.title = DATE.format(new Date(target.dateTime));
});
const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting || !entry.target.isConnected) continue;
    sight.unobserve(entry.target);
    go(entry.target.getAttribute("href"), false);
  }
}, { rootMargin: "600px" });

setInterval(() => {
  if (document.hidden || holdsSelection(main)) return;
  for (const element of main.querySelectorAll("time")) if (isSeen(element)) tell(element);
  for (const element of main.querySelectorAll(".left")) tellLeft(element);
}, 5000);

function isSeen(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

dress();
listen();
later(EVERY_MS);
